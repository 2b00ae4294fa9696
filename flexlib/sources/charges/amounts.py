"""Amounts and times as bills write them: `$1,234.50`, `(0.50)`, `1.234,5`, `Free`; 2025-09-01, 09/01/2025, 20250901."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from flexlib.dates import FIRST_YEAR, LAST_YEAR
from flexlib.sources.files.ids import HALF_A_CENT
from flexlib.sources.files.moments import read_instant

NOTHING = frozenset({"", "null", "none", "n/a"})
"""Texts that say as much as an empty one, in lower case."""

ZERO = frozenset({"-", "–", "free", "included"})
"""Texts that say that nothing is charged, in lower case."""

MARKS = {"€": ("EUR",), "£": ("GBP",), "¥": ("JPY", "CNY"), "US$": ("USD",)}
"""The currencies that a mark stands for; `$` stands for many."""

STEP = Decimal("1e-18")
"""The last digit of an amount that is kept; what is behind it are a float's digits that mean nothing."""

MOST_DIGITS = 18
"""No text that short has a digit that is not kept, or is too large."""

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)

HALF, NOISE = Decimal(HALF_A_CENT), Decimal("1e-12")
"""How far an amount is rounded at most, and a program's float is off."""

GAPS = "'\u0020\u00a0\u202f"
"""What some put between thousands: an apostrophe, and three kinds of space."""

NUMBER = re.compile(rf"[0-9.,{GAPS}]*[0-9][0-9.,{GAPS}]*(?:[eE][+-]?[0-9]+)?")

CURRENCY = r"US\$|[A-Z]{3}\s*[$€£¥]?|[$€£¥]"
PARTS = re.compile(
    rf"\s*(?P<open>\()?\s*(?P<sign>[+\-−]?)\s*(?P<front>{CURRENCY})?\s*(?P<inner>[+\-−]?)\s*(?P<digits>.*?)"
    rf"\s*(?P<back>{CURRENCY})?\s*(?P<close>\))?\s*",
    re.DOTALL,
)
"""What an amount is made of. Below zero it is in both brackets, or has a minus; never both, which may mean either."""

PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
"""Most amounts are as programs write them, and read at once."""

DECIMALS = re.compile(r"-?(?:0\.[0-9]+|[0-9]+\.(?:[0-9]{1,2}|[0-9]{4,}))")
"""Such an amount whose dot can only stand before decimals."""

DAY_FIRST, MONTH_FIRST = "dmy", "mdy"

SHORT_DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T]\d{1,2}:\d\d(?::\d\d)?(?: ?[AP]M)?)?")
WHOLE_DATE = re.compile(r"(\d{4})[-/]?(\d{2})[-/]?(\d{2})")
YEAR_AND_MONTH = re.compile(r"(\d{4})-(\d{2})")

Moment = tuple[datetime, datetime]
"""A time, and the first that is not in it any more: of a moment itself, of a date the next day, of a month its end."""


@dataclass
class Sum:
    """The rows of one currency up to one of them."""

    amount: Decimal = Decimal(0)
    rows: int = 0

    def add(self, amount: Decimal) -> None:
        self.amount, self.rows = EXACT.add(self.amount, amount), self.rows + 1

    def is_told_by(self, said: Decimal) -> bool:
        """Whether a total says it, as far as it and the rows may be rounded."""
        return abs(EXACT.subtract(said, self.amount)) <= HALF + min(HALF * self.rows, abs(said) / 100)

    def is_charged_by(self, amount: Decimal) -> bool:
        """Whether a charge is of as much, as far as it may be rounded itself."""
        return abs(EXACT.subtract(amount, self.amount)) <= find_spare(amount)


def find_spare(amount: Decimal) -> Decimal:
    """How far an amount may be from what it sums: it is rounded to its last decimal, or to a cent, or is a float's."""
    last = Decimal((0, (5,), int(amount.normalize(EXACT).as_tuple().exponent) - 1))
    return max(min(HALF, last, abs(amount) / 100), abs(amount) * NOISE)


def is_nothing(text: str | None) -> bool:
    """Whether the text says nothing."""
    return text is None or text.strip().lower() in NOTHING


def find_other_currency(text: str, code: str) -> str | None:
    """The currency that the amount itself names where that is not `code`, such as EUR of `€1.50` beside USD."""
    if PLAIN.fullmatch(text) or not (parts := PARTS.fullmatch(text)):
        return None
    for named in filter(None, (parts["front"], parts["back"])):
        letters = () if named in MARKS else re.findall("[A-Z]{3}", named)
        for codes in [*((one,) for one in letters), *(MARKS[mark] for mark in MARKS if mark in named)]:
            if code not in codes:
                return "/".join(codes)
    return None


def find_decimal(texts: Iterable[str]) -> str | None:
    """What stands before the decimals, where the texts prove it: `.` or `,`; None where none does, or they disagree.

    >>> find_decimal(["1.000", "20.18"]), find_decimal(["1.000"])
    ('.', None)
    """
    found = prove_decimals(texts)
    return next(iter(found)) if len(found) == 1 else None


def prove_decimals(texts: Iterable[str]) -> dict[str, str]:
    """What stands before the decimals, `.` or `,`, and the first text that proves it; of both where they disagree."""
    proofs: dict[str, str] = {}
    for text in texts:
        found = {"."} if DECIMALS.fullmatch(text) else _prove_decimal(text)
        proofs |= {mark: text for mark in found if mark not in proofs}
    return proofs


def _prove_decimal(text: str) -> set[str]:
    digits = (_split_amount(text) or ("", False))[0]
    marks = [letter for letter in digits if letter in ".,"]
    if not marks or not NUMBER.fullmatch(digits):
        return set()
    last = marks[-1]
    is_program = "e" in digits.lower()
    head, tail = re.split("[eE]", digits)[0].rsplit(last, 1)
    is_group = len(tail) == 3 and head not in ("", "0") and not is_program
    if len(marks) == 1:
        return {last} if not is_group or len(head) > 3 else set()
    if len(set(marks)) == 2:
        return {last} if marks.count(last) == 1 else set()
    return {"," if last == "." else "."} if is_group else set()  # 1.234.567: groups of thousands


def read_amount(text: str, decimal: str | None) -> Decimal | None:
    """The amount that the text says, None where it is none or may be two; `decimal` as `find_decimal` gives it.

    >>> [str(read_amount(text, None)) for text in ("$1,234.50", "(0.50)", "Free", "1.000")]
    ['1234.50', '-0.50', '0', 'None']
    """
    if decimal == "." and len(text) <= MOST_DIGITS and PLAIN.fullmatch(text):
        return Decimal(text)
    if text.strip().lower() in ZERO:
        return Decimal(0)
    digits, is_negative = _split_amount(text) or ("", False)
    if not NUMBER.fullmatch(digits):
        return None
    digits = re.sub(f"[{GAPS}]", "", digits)
    own = decimal or find_decimal([digits])
    if own is None and ("." in digits or "," in digits):
        return None
    group = "." if own == "," else ","
    whole = re.split(rf"[{own or '.'}eE]", digits)[0]
    if group in digits and not re.fullmatch(rf"\d{{1,3}}(\{group}\d{{3}})+", whole):
        return None
    try:
        amount = Decimal(digits.replace(group, "").replace(own or ".", "."))
        kept = amount if amount.as_tuple().exponent >= -18 else amount.quantize(STEP, context=EXACT)  # type: ignore[operator]
    except InvalidOperation:
        return None
    return (-kept if is_negative else kept) if abs(kept) < 10**20 else None


def _split_amount(text: str) -> tuple[str, bool] | None:
    """The text without brackets, sign and currency, and whether it is below zero; None where it says that twice."""
    parts = PARTS.fullmatch(text)
    if parts is None or bool(parts["open"]) != bool(parts["close"]):
        return None
    signs = parts["sign"] + parts["inner"] + (parts["open"] or "")
    return (parts["digits"], signs in ("-", "−", "(")) if len(signs) < 2 else None


def find_date_order(texts: Iterable[str]) -> str | None:
    """Whether days or months stand first in dates such as 05/10/2026, where a number above 12 proves it; else None.

    >>> find_date_order(["05/10/2026", "25/10/2026"])
    'dmy'
    """
    found = set()
    for text in texts:
        if match := SHORT_DATE.fullmatch(text.strip()):
            found |= {DAY_FIRST} if int(match[1]) > 12 else {MONTH_FIRST} if int(match[2]) > 12 else set()
    return found.pop() if len(found) == 1 else None


def is_short_date(text: str) -> bool:
    """Whether it is a date such as 05/10/2026, which somebody has to explain."""
    return SHORT_DATE.fullmatch(text.strip()) is not None


def read_moment(text: str, order: str | None) -> Moment | None:
    """The time of the text, UTC where it names no zone; None where it is none of 2000 to 2100.

    >>> read_moment("20250930", None)
    (datetime.datetime(2025, 9, 30, 0, 0), datetime.datetime(2025, 10, 1, 0, 0))
    """
    text = text.strip()
    try:
        if match := YEAR_AND_MONTH.fullmatch(text):
            first = datetime(int(match[1]), int(match[2]), 1)
            return _keep(first, (first + timedelta(days=31)).replace(day=1))
        if match := WHOLE_DATE.fullmatch(text):
            first = datetime(*map(int, match.groups()))  # type: ignore[arg-type]
            return _keep(first, first + timedelta(days=1))
        if match := SHORT_DATE.fullmatch(text):
            if order is None:
                return None
            one, other, year = map(int, match.groups())
            first = datetime(year, *((other, one) if order == DAY_FIRST else (one, other)))
            return _keep(first, first + timedelta(days=1))
    except ValueError:
        return None
    moment = read_instant(text)
    return None if moment is None else _keep(*[moment.replace(tzinfo=None)] * 2)


def prove_end(periods: Iterable[tuple[date, date]]) -> bool | None:
    """Whether the last date of a period is in it, by all periods together; None where none proves it, or they disagree.

    A whole number of months proves it, and so does the next period, which begins with that date or behind it: but two
    days with one between them may be two days of one each.

    >>> prove_end([(date(2025, 5, 1), date(2025, 5, 31))]), prove_end([(date(2025, 5, 1), date(2025, 5, 2))])
    (True, None)
    """
    dated = sorted(set(periods))
    firsts = sorted({first for first, _ in dated})
    proofs, one_day = set(), timedelta(days=1)
    for first, end in dated:
        following = next((one for one in firsts if one > first), None)
        is_long = end - first > one_day
        if end == following or is_long and end.day == first.day:
            proofs.add(False)
        elif is_long and (end + one_day == following or (end + one_day).day == first.day):
            proofs.add(True)
    if not proofs and all(first == end for first, end in dated):
        return True
    return proofs.pop() if len(proofs) == 1 else None


def _keep(first: datetime, end: datetime) -> Moment | None:
    return (first, end) if FIRST_YEAR <= first.year < LAST_YEAR else None
