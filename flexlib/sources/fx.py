"""The observed dollar, by mindicador.cl or Frankfurter's copy of the central bank's series; rates out of files."""

from __future__ import annotations

import csv
import io
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from flexlib.dates import Span
from flexlib.errors import BadFile, BadParameter, BadRecord, ServerRefused, ServerUnreachable
from flexlib.money.fx import VALUE_DECIMALS, Rate
from flexlib.nesting import decode_json
from flexlib.settings import LOOPBACK

if TYPE_CHECKING:
    import requests

MINDICADOR = "mindicador.cl"
FRANKFURTER = "frankfurter:bcch"
"""Under these names an observation remembers where it comes from."""
MINDICADOR_URL = "https://mindicador.cl"
FRANKFURTER_URL = "https://api.frankfurter.dev"

BUSY = 429
RETRY_AFTER_LIMIT = 60.0


@dataclass(frozen=True)
class RetryPolicy:
    """How long a server is waited for."""

    connect: float = 5.0
    """Seconds to connect."""
    read: float = 20.0
    """Seconds between two bytes of an answer."""
    tries: int = 4
    pause: float = 0.5
    """Seconds before the second try; doubled before each further one, and blurred so that no two machines keep step."""


def fetch_mindicador(year: int, base_url: str = MINDICADOR_URL, policy: RetryPolicy | None = None) -> list[Rate]:
    """The observations of a year (to date, if it is this one) in the order of their days; empty when it has none yet.

    Raises `ServerUnreachable` when no try gives an answer that can be read, `ServerRefused` when the server says no.
    """
    return _ask(
        f"{base_url.rstrip('/')}/api/dolar/{year}",
        {},
        lambda body: parse_mindicador(body, year),
        policy or RetryPolicy(),
    )


def fetch_frankfurter(span: Span, base_url: str = FRANKFURTER_URL, policy: RetryPolicy | None = None) -> list[Rate]:
    """The central bank's observations of the days of `span`, in their order; raises as `fetch_mindicador` does.

    Only the central bank is asked for: Frankfurter's own rate blends many sources and is not the observed dollar.
    """
    asked = {"base": "USD", "quotes": "CLP", "from": str(span.first), "to": str(span.last), "providers": "bcch"}
    return _ask(
        f"{base_url.rstrip('/')}/v2/rates",
        asked,
        lambda body: parse_frankfurter(body, span),
        policy or RetryPolicy(),
    )


def parse_mindicador(body: bytes, year: int) -> list[Rate]:
    """The observations in an answer about `year`. Raises `ServerUnreachable` when it is something else."""
    answer = _read_json(MINDICADOR, body)
    if not isinstance(answer, dict) or answer.get("codigo") != "dolar" or not isinstance(answer.get("serie"), list):
        _give_up(MINDICADOR, "its answer is not a series of the dollar")
    span = Span(date(year, 1, 1), date(year, 12, 31))
    return _read_rates(MINDICADOR, answer["serie"], "fecha", "valor", span)


def parse_frankfurter(body: bytes, span: Span) -> list[Rate]:
    """The observations in an answer about `span`. Raises `ServerUnreachable` when it is something else."""
    answer = _read_json(FRANKFURTER, body)
    if not isinstance(answer, list):
        _give_up(FRANKFURTER, "its answer is not a list of rates")
    for row in answer:
        if isinstance(row, dict) and (row.get("base"), row.get("quote")) != ("USD", "CLP"):
            _give_up(FRANKFURTER, f"an observation is not about USD in CLP: {row!r:.100}")
    return _read_rates(FRANKFURTER, answer, "date", "rate", span)


DAYS = ("day", "date", "time_period", "fecha", "día", "dia", "periodo")
VALUES = ("value", "rate", "obs_value", "valor")
"""What the columns of days and values are called, in any case: by ourselves, by people, by central banks."""


WITH_COMMA = re.compile(r"(\d+|\d{1,3}(\.\d{3})+),\d+", re.ASCII)
"""`964,50` or `1.012,35`."""
DAY = re.compile(r"\d{4}-\d\d-\d\d|(?P<first>\d{1,2})[-/.](?P<second>\d{1,2})[-/.](?P<year>\d{4})", re.ASCII)
"""`2025-09-01` or `01-09-2025`."""
MONTHS = 12
DIGITS_OF_A_GROUP = 3
"""After a point so many digits may be decimals or a group of thousands."""


def read_rates_file(file: Path, source: str | None) -> list[Rate]:
    """The rates in a CSV with a column of days (ISO) and one of values; whose they are, a column `source` or `source`.

    Rows that a file of ours calls superseded are left out. Raises `BadFile`, with the line.
    """
    if not file.is_file():
        raise BadFile(f"{file} is not a file that exists; give the path of a CSV with the columns date and value.")
    try:
        text = file.read_text("utf-8-sig")
        delimiter = ";" if ";" in text.partition("\n")[0] else ","
        heads = None if not DAY.match(text) else (DAYS[1], VALUES[0])
        reader = csv.DictReader(io.StringIO(text, newline=""), heads, delimiter=delimiter)
        names = {name.strip().lower(): name for name in reader.fieldnames or ()}
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{file.name} is not a CSV in UTF-8 ({error}); save it as one.") from error
    day, value = (next((names[one] for one in known if one in names), None) for known in (DAYS, VALUES))
    if day is None or value is None:
        raise BadFile(f"{file.name} needs a column {DAYS[1]} and a column {VALUES[0]}; it has {', '.join(names)}.")
    if source is None and "source" not in names:
        raise BadParameter(f"who says the rates of {file.name}? Add --source, such as --source ECB.")
    found: dict[date, Rate] = {}
    written = [match for row in rows if (match := DAY.fullmatch((row[day] or "").strip())) and match["first"]]
    # Which number is the day, a day above 12 proves.
    is_day_first = any(int(one["first"]) > MONTHS for one in written)
    for number, row in enumerate(rows, 1 if heads else 2):
        if row.get("superseded_at"):
            continue
        said = source or row[names["source"]]
        try:
            when, amount = _read_day(row[day].strip(), is_day_first), _read_written(row[value].strip(), delimiter)
            rate = Rate(when, amount, said.strip())
        except (ValueError, InvalidOperation, AttributeError, BadRecord) as error:
            text = delimiter.join(str(one) for one in row.values())
            raise BadFile(f"{file.name}, line {number} is not a rate: {text!r}; write 2025-09-30,1.08.") from error
        if found.setdefault(rate.day, rate) != rate:
            raise BadFile(f"{file.name} gives {rate.day} two values; leave one.")
    return sorted(found.values())


def _read_day(text: str, is_day_first: bool) -> date:
    match = DAY.fullmatch(text)
    if match and match["first"] and is_day_first:
        return date(int(match["year"]), int(match["second"]), int(match["first"]))
    return date.fromisoformat(text)


def _read_written(text: str, delimiter: str) -> Decimal:
    """A value as it stands in a file: between semicolons with a decimal comma, as Chile's banks and SII write it."""
    if delimiter == ";" and WITH_COMMA.fullmatch(text):
        return Decimal(text.replace(".", "").replace(",", "."))
    if delimiter == ";" and "." in text and len(text.rpartition(".")[2]) == DIGITS_OF_A_GROUP:
        raise ValueError(f"{text} may be thousands or decimals")
    return Decimal(text)


def _read_rates(source: str, rows: list[Any], day_key: str, value_key: str, span: Span) -> list[Rate]:
    """mindicador writes a day as Santiago's midnight in UTC, with three or four hours on it: its date is the day."""
    rates: dict[date, Rate] = {}
    for row in rows:
        try:
            rate = Rate(date.fromisoformat(row[day_key][:10]), _read_value(row[value_key]), source)
        except (KeyError, TypeError, ValueError, InvalidOperation, BadRecord) as error:
            _give_up(source, f"an observation cannot be read: {row!r:.100}", error)
        if rate.day not in span:
            _give_up(source, f"it was asked for {span} and speaks of {rate.day}")
        if rates.setdefault(rate.day, rate) != rate:
            _give_up(source, f"it gives {rate.day} two values, {rates[rate.day].value} and {rate.value}")
    return sorted(rates.values())


def _read_value(value: object) -> Decimal:
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r} is not a number")
    rounded = round(value, VALUE_DECIMALS)
    return value if value == rounded else rounded.normalize()


def _read_json(source: str, body: bytes) -> object:
    try:
        return decode_json(body.decode(), parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse_constant)
    except ValueError as error:
        _give_up(source, f"its answer is not JSON: {body[:60]!r}", error)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _give_up(source: str, trouble: str, cause: Exception | None = None) -> NoReturn:
    raise ServerUnreachable(f"{source} cannot be used: {trouble}.") from cause


def _ask(
    url: str, parameters: Mapping[str, str], parse: Callable[[bytes], list[Rate]], policy: RetryPolicy
) -> list[Rate]:
    trouble: object = ""
    import requests

    with requests.Session() as session:
        session.headers.update({"Accept": "application/json", "User-Agent": "flexlib"})
        session.trust_env = urlsplit(url).hostname not in LOOPBACK  # no proxy can reach a server on this machine
        for attempt in range(policy.tries):
            wait = policy.pause * 2**attempt * random.uniform(0.5, 1.5)
            try:
                answer = session.get(url, params=parameters, timeout=(policy.connect, policy.read))
                if answer.ok:
                    return parse(answer.content)
                trouble = f"status {answer.status_code}: {answer.content[:100]!r}"
                if answer.status_code < 500 and answer.status_code != BUSY:
                    raise ServerRefused(f"{answer.url} refuses the question with {trouble}; look at the address.")
                wait = max(wait, _read_retry_after(answer))
            except (requests.RequestException, ServerUnreachable) as error:
                trouble = error
            if attempt + 1 < policy.tries:
                time.sleep(wait)
    raise ServerUnreachable(f"No rates from {url} in {policy.tries} tries: {trouble} Try again later.")


def _read_retry_after(answer: requests.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), RETRY_AFTER_LIMIT) if text.isdecimal() else 0.0
