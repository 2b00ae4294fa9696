"""Notes of stored months: what is written in English is known again, and told in another language."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from flexlib.i18n import speak, to_english
from flexlib.stored_notes import (
    NOTES,
    NUMBER,
    REASONS,
    SUPERSEDED,
    UNIT,
    UNPRICED,
    UNRATED,
    tell_note,
    tell_reasons,
    tell_route,
    write_note,
)

VALUES = {
    "route": "team",
    "count": "1,234",
    "amount": "1,234.50",
    "month": "2025-09",
    "command": "flexlib close (2025-09).",
}


def test_a_note_is_told_with_its_numbers_in_the_readers_language() -> None:
    one, many = (write_note(UNPRICED, count) for count in (1, 1205))
    assert (one, many) == (
        "1 row without a price: the sum in USD is a lower bound.",
        "1,205 rows without a price: the sum in USD is a lower bound.",
    )
    assert tell_note(many) == many
    with speak("es"):
        assert tell_note(one) == "1 fila sin precio: la suma en USD es un mínimo."
        assert tell_note(many) == "1.205 filas sin precio: la suma en USD es un mínimo."
        told = tell_note(SUPERSEDED.format(name="1,5.csv", by="a file that is no longer of the month", count="1,000"))
        assert told == (
            "Filas de 1,5.csv que se dejaron fuera porque un archivo que ya no es del mes cubre los mismos períodos: "
            "1.000."
        )
        told = tell_note(UNIT.format(unit="hundredths", why="so they were in an earlier month"))
        assert told == "Los números del endpoint de consumo son centésimas: así eran en un mes anterior."


@pytest.mark.parametrize("note", NOTES)
def test_every_note_is_known_again_whatever_it_is_filled_with(note: str) -> None:
    names = {name for _, name, _, _ in Formatter().parse(note) if name}
    written = note.format(**{name: VALUES.get(name, "1,5 of {it}.csv") for name in names})
    with speak("es"):
        told = tell_note(written)
    assert told != written
    assert not re.search(r"\b(the|its|of a)\b", told)
    assert ("1,234" in told) is False


def test_what_nobody_knows_stays_as_it_was_stored() -> None:
    with speak("es"):
        for text in ("many rows without a price: the sum in USD is a lower bound.", "a note of an earlier flexlib"):
            assert tell_note(text) == text
    assert NUMBER.fullmatch("1,234.50")
    assert write_note(UNRATED, 2, command="x").endswith("then x again.")


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_known_again_whatever_it_is_filled_with(reason: str) -> None:
    filled = {"count": "1,234", "here": "5", "field": "prompt_tokens", "place": "3", "told": "no time"}
    names = {name for _, name, _, _ in Formatter().parse(reason) if name}
    written = reason.format(**{name: filled.get(name, "a; {b}: c") for name in names})
    with speak("es"):
        told = tell_reasons(written)
        both = tell_reasons(f"no model; {written}; no provider")
    assert told != written
    assert to_english(told) == written
    assert both == f"sin modelo; {told}; falta el proveedor"
    assert not re.search(r"\b(the|its|of a|not)\b", told)


def test_a_part_of_a_reason_that_nobody_knows_stays_as_it_was_stored() -> None:
    with speak("es"):
        assert tell_reasons("no model; of an earlier flexlib; no currency") == (
            "sin modelo; of an earlier flexlib; falta la moneda"
        )
        assert tell_reasons("page 1 is of 1,200 rows, and 400 are here, unless --distinct says that this is all: "
                            "import all pages in one command") == (
            "la página 1 es de 1.200 filas y aquí hay 400, a menos que --distinct diga que eso es todo: importe todas "
            "las páginas en un solo comando"
        )  # fmt: skip


def test_why_a_month_was_read_by_its_route_is_told_in_the_readers_language_and_what_the_server_said_as_it_is() -> None:
    short = (
        "the answer is cut short: it holds 1,234 rows with 9,197.50 flex credits, the server's own sum is 1,240 rows "
        "with 9,200.00"
    )
    stored = f"team was refused on 2025-10-01 ({short}); batch was refused (HTTP 400: no; later); user was taken"
    with speak("es"):
        told = tell_route(stored)
        assert tell_route("asked for by --route") == "pedida con --route"
        assert tell_route("as an earlier flexlib said") == "as an earlier flexlib said"
    assert told == (
        "team fue rechazada el 2025-10-01 (la respuesta está cortada: tiene 1.234 filas con 9.197,50 créditos flex, y "
        "la suma del propio servidor son 1.240 filas con 9.200,00); batch fue rechazada (HTTP 400: no; later); se "
        "tomó user"
    )
    assert to_english(told) == stored


def test_what_a_route_s_own_proof_says_against_it_is_told_in_the_readers_language() -> None:
    sums = "sums: the server's own sum holds 1.50 flex credits more (1,213 rows, 12 here)"
    users = "cross-check: 1 user differs: 9,197.50 flex credits alone, 0.00 at first"
    key = "a key that is not on the list of people may have spent it, which the routes team and consumption show"
    with speak("es"):
        for checks, expected in {
            sums: "sumas: la suma del propio servidor tiene 1,50 créditos flex más (1.213 filas, 12 aquí)",
            users: "contraste: 1 usuario difiere: 9.197,50 créditos flex por separado, 0,00 al principio",
            f"{sums}; {key}; {users}": (
                "sumas: la suma del propio servidor tiene 1,50 créditos flex más (1.213 filas, 12 aquí); puede "
                "haberlo gastado una clave que no está en la lista de personas, lo que muestran las rutas team y "
                "consumption; contraste: 1 usuario difiere: 9.197,50 créditos flex por separado, 0,00 al principio"
            ),
        }.items():
            stored = f"team was refused (its proof fails, {checks}); batch was refused (HTTP 400: :(); user was taken"
            told = tell_route(stored)
            assert told == (
                f"team fue rechazada (su prueba falla, {expected}); batch fue rechazada (HTTP 400: :(); se tomó user"
            )
            assert to_english(told) == stored
