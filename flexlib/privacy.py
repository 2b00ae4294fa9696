"""What texts from outside may not bring in: the guard of metadata, which masks e-mails, phone numbers, RUTs and keys
before they are stored; the limits of a name; other machines' words as they may be shown."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from flexlib.errors import BadSetting
from flexlib.formats import clean_text
from flexlib.i18n import _
from flexlib.nesting import MOST_NESTED, TooDeep

KINDS = ("key", "email", "rut", "phone")
"""What can be masked, in the order in which it is looked for."""
_START, _END = r"(?<![\w.+/-])", r"(?![\w/-]|\.\d)"
_SOME_DIGIT = r"(?=[A-Za-z_-]{0,80}\d)"
_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_AT = "[@＠﹫]"  # the sign, and how keyboards of East Asia write it

_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "key": re.compile(
        rf"""(?x)
        (?<![A-Za-z0-9])(?:
            sk-{_SOME_DIGIT}[A-Za-z0-9_-]{{16,}}                     # OpenAI, Anthropic, OpenRouter, DeepSeek
          | (?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{{16,}}
          | AIza[A-Za-z0-9_-]{{30,}}                                 # Google
          | (?:gsk|hf|r8|fw|tgp_v1)_{_SOME_DIGIT}[A-Za-z0-9_-]{{20,}}  # Groq, Hugging Face, ...
          | (?:xai|pplx)-{_SOME_DIGIT}[A-Za-z0-9_-]{{20,}}
          | gh[pousr]_[A-Za-z0-9]{{20,}} | github_pat_[A-Za-z0-9_]{{20,}} | glpat-[A-Za-z0-9_-]{{20,}}
          | xox[abprs]-[A-Za-z0-9-]{{10,}} | (?:AKIA|ASIA)[A-Z0-9]{{16}}
          | eyJ[A-Za-z0-9_-]{{8,}}\.eyJ[A-Za-z0-9_-]{{8,}}\.[A-Za-z0-9_-]*    # a signed token (JWT)
        )
        | \b(?:[Bb]earer|BEARER)\s+[A-Za-z0-9._~+/=-]{{12,}}
        | (?<=://)[^\s/:@]+:[^\s/@]+(?=@)                            # user and password in a URL
        | -----BEGIN\ [A-Z0-9 ]+-----(?s:.*?(?:-----END\ [A-Z0-9 ]+-----|\Z))  # PEM, also where its end was cut off
        """
    ),
    "email": re.compile(rf"(?<!{_LOCAL}){_LOCAL}+{_AT}(?:[^\W_](?:[\w-]*[^\W_])?[.．｡。])+[^\W\d_]{{2,}}"),
    "rut": re.compile(rf"{_START}(?:\d{{1,2}}\.\d{{3}}\.\d{{3}}[-‐‑–]?|\d{{7,8}}[-‐‑–])[\dkK]{_END}"),
    "phone": re.compile(
        rf"""(?x)
        (?<![\w+])\+\d(?:[\s.()-]{{0,2}}\d){{7,14}}(?!\d)                # any, with its country's code
        | {_START}(?:56[\s.-]?)?9[\s.-]?\d{{4}}[\s.-]?\d{{4}}{_END}        # Chilean mobile
        | {_START}56[\s.-]?\d{{1,2}}[\s.-]?\d{{3,4}}[\s.-]?\d{{4}}{_END}   # Chilean landline
        | {_START}(?:\(?0?2\)?[\s-][23]\d{{3}}|(?:\(0?\d\d\)|0\d\d)\s?\d{{3}})[\s-]\d{{4}}{_END}
        | {_START}(?:\(\d{{3}}\)\s?|\d{{3}}[.-])\d{{3}}[.-]\d{{4}}{_END}   # as in the United States
        """
    ),
}

SIGNS = (
    rf"{_AT}|-----BEGIN|sk-|_live_|_test_|AIza|gsk_|hf_|r8_|fw_|tgp_|xai-|pplx-|gh[pousr]_|github_pat_|glpat-|xox|A[KS]IA|eyJ|earer|EARER"
    "|://"
)
"""One of these is in every e-mail and key that is masked; Arrow and DuckDB read it too, to look into whole columns."""
_SIGNS = re.compile(rf"{SIGNS}|\d[\d\s.()-]{{4,}}[\s\d.‐‑–-][\dkK]")
"""One of these is in everything that is masked; most texts have none, and are let through by a look."""
MIN_LENGTH = 6
"""Nothing shorter can be any of them."""
SHORT_NAME = 20
"""A plain name that is shorter is no key, and has no place for the signs of the others."""
RUT_FACTORS = (2, 3, 4, 5, 6, 7, 2, 3)

LONGEST_NAME = 255
"""A longer text is no name of anything."""
LONGEST_MESSAGE = 200
"""More of another machine's words than that is no message."""
_NAME_SIGNS = re.compile(
    r"(?i)key|token|pass|pwd|secret|auth|cookie|credential|contrase|clave|mail|correo|rut|fono|phone|celular"
)
"""As `_SIGNS`, for names."""
_BOUNDARY = re.compile(r"\[(?:key|email|rut|phone)\]|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+")
"""Between the words of a name, however it is written: `apiKey`, `Api-Key`, `API_KEY`, `api.key`. A mask is no word."""
_KEY_ENDINGS = (
    ("apikey", "servicekey", "privatekey", "secretkey", "accesskey", "signingkey", "encryptionkey")
    + ("password", "passwords", "passwd", "passphrase", "secret", "secrets", "credential", "credentials")
    + ("accesstoken", "refreshtoken", "authtoken", "sessiontoken", "bearertoken", "contraseña", "contrasena")
)  # fmt: skip
"""A name that ends so, whatever its words are joined with, is that of a key."""
_KIND_OF_WORD: Mapping[str, str] = {
    **dict.fromkeys(("password", "passwd", "pwd", "auth", "authorization", "cookie", "cookies"), "key"),
    **dict.fromkeys(("email", "mail", "correo", "useremail"), "email"),
    "rut": "rut",
    **dict.fromkeys(("phone", "phonenumber", "telephone", "cellphone"), "phone"),
    **dict.fromkeys(("telefono", "teléfono", "fono", "celular"), "phone"),
}
"""A name that has one of these words, wherever, is that of such data."""
_LAST_WORDS = frozenset({"token", "pass"})
"""A name that ends in one of these is that of a key, unless it counts: `db_pass`, but `first_pass`."""
_ABOUT = frozenset(
    {"count", "length", "size", "total", "max", "min", "limit", "is", "has", "sent", "valid", "verified", "enabled"}
    | {"type", "template", "status", "model", "method", "mode", "provider", "scheme", "time", "ms"}
)
"""With one of these a name tells something about the data, such as `email_count`."""
_COUNTED = frozenset(
    {"count", "total", "max", "min", "limit", "per", "price", "cost", "usage", "time", "first", "last", "next", "ms"}
    | {"prompt", "completion", "input", "output", "cached", "reasoning", "stop", "eos", "bos", "pad"}
)
"""With one of these a token is a piece of text, as in `price_per_token`, and a pass one of several."""


@dataclass(frozen=True)
class PrivacyGuard:
    """What is masked in metadata: text that looks like one of `kinds`, and all that a name such as `rut` stands for."""

    kinds: tuple[str, ...] = KINDS
    secret: str | None = field(default=None, repr=False)
    """The configured service key, which need not look like one."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown:
            raise BadSetting(
                _("{unknown}: not what a privacy guard masks; it knows {kinds}.").format(
                    unknown=", ".join(unknown), kinds=", ".join(KINDS)
                )
            )

    @classmethod
    def parse(cls, text: str) -> PrivacyGuard:
        """The guard that a setting names: `all`, `none`, or kinds by commas."""
        words = tuple(word.strip().lower() for word in text.split(",") if word.strip())
        return cls(KINDS if words == ("all",) else () if words == ("none",) else words)

    def mask(self, metadata: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """A copy of `metadata` with every find replaced by its kind in brackets (`[email]`), and the kinds found.

        The copy is as JSON would give it back: names are texts, tuples lists. Names that are masked alike are numbered.
        Raises `TooDeep`.
        """
        found: set[str] = set()
        masked = self._mask_object(metadata, found, 1)
        return masked, [kind for kind in KINDS if kind in found]

    def _mask_object(self, content: Mapping[Any, Any], found: set[str], depth: int) -> dict[str, Any]:
        masked: dict[str, Any] = {}
        again = Counter[str]()
        for given, value in content.items():
            name = str(given)
            kind = _find_kind(name)
            if len(name) >= SHORT_NAME or not name.isidentifier() or (self.secret and self.secret in name):
                name = self.mask_text(name, found)
            if name in masked:
                name = _number(name, masked, again)
            if kind in self.kinds and not _is_empty(value):
                found.add(str(kind))
                masked[name] = f"[{kind}]"
            else:
                masked[name] = self._mask_value(value, found, depth)
        return masked

    def _mask_value(self, value: Any, found: set[str], depth: int) -> Any:  # noqa: ANN401 (JSON)
        if isinstance(value, str):
            return self.mask_text(value, found)
        if not isinstance(value, Mapping | list | tuple):
            return value
        if depth == MOST_NESTED:
            raise TooDeep
        if isinstance(value, Mapping):
            return self._mask_object(value, found, depth + 1)
        return [self._mask_value(one, found, depth + 1) for one in value]

    def mask_text(self, text: str, found: set[str] | None = None) -> str:
        """A single text, masked alike; the kinds are added to `found`."""
        found = set() if found is None else found
        if self.secret and self.secret in text and "key" in self.kinds:
            found.add("key")
            text = text.replace(self.secret, "[key]")
        if len(text) < MIN_LENGTH or not _SIGNS.search(text):
            return text
        for kind in KINDS:
            if kind in self.kinds:
                text = _PATTERNS[kind].sub(_replace(kind, found), text)
        return text

    def hide_id(self, kind: str, text: str) -> str:
        """An id of something, or, where there is an e-mail or a key in it, an opaque one: the same for the same text,
        which nobody can tell from it."""
        is_private = replace(PLAIN_GUARD, secret=self.secret).mask_text(text) != text
        return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:24]}" if is_private else text


PLAIN_GUARD = PrivacyGuard(("key", "email"))
"""What is masked wherever it stands, whatever is masked in metadata."""


def is_name(text: object, longest: int = LONGEST_NAME) -> bool:
    """Whether it can be the name or id of something: a text that is not blank, all of it printable, not too long."""
    return isinstance(text, str) and len(text) <= longest and text.isprintable() and text.strip() != ""


def clean_message(text: str) -> str:
    """What another machine says, as it may be kept and shown: one line, without keys, e-mails and control characters.

    >>> clean_message("no seat for\\nana@empresa.cl \x1b[2J")
    'no seat for [email] �[2J'
    """
    return PLAIN_GUARD.mask_text(clean_text(" ".join(text.split())))[:LONGEST_MESSAGE]


@lru_cache(maxsize=1024)
def _find_kind(name: str) -> str | None:
    """What a name says that its value is, whatever that looks like; None: nothing to be masked."""
    if len(name) > LONGEST_NAME or not _NAME_SIGNS.search(name):
        return None
    words = [word for one in _BOUNDARY.split(name) if (word := one.lower().rstrip("0123456789"))]
    joined = "".join(words)
    if joined.endswith(_KEY_ENDINGS) or joined == "clave":  # in other names it is a key word: `palabra_clave`
        return "key"
    if words and words[-1] in _LAST_WORDS and _COUNTED.isdisjoint(words):
        return "key"
    return next((_KIND_OF_WORD[word] for word in words if word in _KIND_OF_WORD and _ABOUT.isdisjoint(words)), None)


def _number(name: str, taken: Mapping[str, Any], again: Counter[str]) -> str:
    """Another name for what is not the same, though it is masked alike: `[email] 2`."""
    numbered = name
    while numbered in taken:
        again[name] += 1
        numbered = f"{name} {again[name] + 1}"
    return numbered


def _is_empty(value: object) -> bool:
    return value is None or isinstance(value, bool) or value in ("", [], {})


def _replace(kind: str, found: set[str]) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        if kind == "rut" and not is_rut(match[0]):
            return match[0]
        found.add(kind)
        return f"[{kind}]"

    return replace


def is_rut(text: str) -> bool:
    """Whether the last character of a Chilean id number is the check digit of the others (modulo 11)."""
    *digits, check = (one for one in text.lower() if one.isdigit() or one == "k")
    if "k" in digits:
        return False
    total = sum(int(digit) * factor for digit, factor in zip(reversed(digits), RUT_FACTORS, strict=False))
    return check == "0123456789k0"[11 - total % 11]
