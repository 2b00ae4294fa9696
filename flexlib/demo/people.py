"""The made-up people of the demo company: who they are, never what they spent."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

FIRST_NAMES = """
Agustina Alejandro Alonso Amanda Andrés Antonia Bárbara Benjamín Camila Carlos Carolina Catalina Claudia Constanza
Cristóbal Daniela Diego Emilia Esteban Felipe Fernanda Florencia Francisca Francisco Gabriel Gonzalo Ignacio Isidora
Javiera Joaquín Jorge Josefa Juan Lorena Macarena Marcela Martín Matías Maximiliano Nicolás Pablo Paula Pedro Renata
Rodrigo Sebastián Sofía Tomás Trinidad Valentina Vicente Ximena
"""

SURNAMES = """
Aguilera Alarcón Araya Arriagada Bravo Bustos Cáceres Carrasco Castillo Castro Cisternas Contreras Córdova Cortés
Díaz Espinoza Farías Figueroa Flores Fuentes Gallardo Garrido Gómez González Gutiérrez Henríquez Hernández Herrera
Jara Lagos Leiva López Maldonado Martínez Medina Molina Morales Muñoz Navarrete Núñez Olivares Orellana Ortiz Parra
Pavez Peña Pérez Pizarro Poblete Ramírez Reyes Riquelme Rivera Rodríguez Rojas Saavedra Salazar Sandoval Sepúlveda
Silva Soto Tapia Toro Torres Valdés Valenzuela Vargas Vásquez Vega Vera Vergara Vidal Zamorano Zúñiga
"""

FIRST_SIGN_UP, SIGN_UP_DAYS = date(2024, 3, 4), 280


@dataclass(frozen=True)
class Person:
    """One seat of the team. `key` is the hashed api key of /Analytics, `user_id` the other name v2alpha has for it."""

    name: str
    email: str
    key: str
    user_id: str
    signed_up: date
    role: str


def make_people(seed: int, users: int) -> tuple[Person, ...]:
    """The `users` people of the team, in the order in which the server lists them; e-mails and keys are unique."""
    return tuple(_draw_people(random.Random(f"people:{seed}:{users}"), users, ""))


def make_unlisted_people(seed: int, count: int) -> tuple[Person, ...]:
    """`count` people who spend and stand on no list: those who left. The first n are always the same."""
    return tuple(_draw_people(random.Random(f"unlisted:{seed}"), count, "ex."))


def _draw_people(rng: random.Random, count: int, prefix: str) -> Iterator[Person]:
    first_names, surnames = FIRST_NAMES.split(), SURNAMES.split()
    namesakes: dict[str, int] = {}
    for _ in range(count):
        first, father, mother = rng.choice(first_names), rng.choice(surnames), rng.choice(surnames)
        mailbox = prefix + _strip_accents(f"{first}.{father}.{mother}".lower())
        namesakes[mailbox] = namesakes.get(mailbox, 0) + 1
        number = str(namesakes[mailbox]) if namesakes[mailbox] > 1 else ""
        yield Person(
            name=f"{first} {father} {mother}",
            email=f"{mailbox}{number}@example.com",
            key=_make_uuid(rng),
            user_id=f"user-{rng.getrandbits(128):032x}",
            signed_up=FIRST_SIGN_UP + timedelta(days=rng.randrange(SIGN_UP_DAYS)),
            role="admin" if rng.random() < 0.004 else "member",
        )


def _strip_accents(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _make_uuid(rng: random.Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
