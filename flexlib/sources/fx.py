"""The observed dollar, by mindicador.cl or Frankfurter's copy of the central bank's series."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from threading import Thread
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from flexlib.dates import Span
from flexlib.errors import BadRecord, FlexlibError, ServerRefused, ServerUnreachable
from flexlib.i18n import _, write_number
from flexlib.money.fx import VALUE_DECIMALS, Rate
from flexlib.nesting import decode_json
from flexlib.setting_values import LOOPBACK
from flexlib.trust import explain_untrusted

if TYPE_CHECKING:
    import requests

MINDICADOR = "mindicador.cl"
FRANKFURTER = "frankfurter:bcch"
"""Under these names an observation remembers where it comes from."""
MINDICADOR_URL = "https://mindicador.cl"
FRANKFURTER_URL = "https://api.frankfurter.dev"

BUSY = 429
RETRY_AFTER_LIMIT = 60.0
MOST_BYTES = 4 * 1024 * 1024
"""The largest answer that is taken, unpacked: a year of rates is a hundredth of it."""
CHUNK = 16 * 1024


class TooLarge(ValueError):
    """An answer of more than `MOST_BYTES`."""


class TooSlow(ValueError):
    """An answer that did not end in time."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long a server is waited for."""

    connect: float = 5.0
    """Seconds to connect."""
    read: float = 20.0
    """Seconds between two bytes of an answer."""
    whole: float = 60.0
    """Seconds for a whole answer, however its bytes come."""
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
        _give_up(MINDICADOR, _("its answer is not a series of the dollar"))
    span = Span(date(year, 1, 1), date(year, 12, 31))
    return _read_rates(MINDICADOR, answer["serie"], "fecha", "valor", span)


def parse_frankfurter(body: bytes, span: Span) -> list[Rate]:
    """The observations in an answer about `span`. Raises `ServerUnreachable` when it is something else."""
    answer = _read_json(FRANKFURTER, body)
    if not isinstance(answer, list):
        _give_up(FRANKFURTER, _("its answer is not a list of rates"))
    for row in answer:
        if isinstance(row, dict) and (row.get("base"), row.get("quote")) != ("USD", "CLP"):
            _give_up(FRANKFURTER, _("an observation is not about USD in CLP: {row}").format(row=f"{row!r:.100}"))
    return _read_rates(FRANKFURTER, answer, "date", "rate", span)


def _read_rates(source: str, rows: list[Any], day_key: str, value_key: str, span: Span) -> list[Rate]:
    """mindicador writes a day as Santiago's midnight in UTC, with three or four hours on it: its date is the day."""
    rates: dict[date, Rate] = {}
    for row in rows:
        try:
            rate = Rate(date.fromisoformat(row[day_key][:10]), _read_value(row[value_key]), source)
        except (KeyError, TypeError, ValueError, InvalidOperation, BadRecord) as error:
            _give_up(source, _("an observation cannot be read: {row}").format(row=f"{row!r:.100}"), error)
        if rate.day not in span:
            _give_up(source, _("it was asked for {span} and speaks of {day}").format(span=span, day=rate.day))
        if rates.setdefault(rate.day, rate) != rate:
            said = _("it gives {day} two values, {one} and {other}")
            _give_up(source, said.format(day=rate.day, one=rates[rate.day].value, other=rate.value))
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
        _give_up(source, _("its answer is not JSON: {body}").format(body=repr(body[:60])), error)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _give_up(source: str, trouble: str, cause: Exception | None = None) -> NoReturn:
    raise ServerUnreachable(_("{source} cannot be used: {trouble}.").format(source=source, trouble=trouble)) from cause


def _ask(
    url: str, parameters: Mapping[str, str], parse: Callable[[bytes], list[Rate]], policy: RetryPolicy
) -> list[Rate]:
    trouble = ""
    import requests

    for attempt in range(policy.tries):
        wait = policy.pause * 2**attempt * random.uniform(0.5, 1.5)
        try:
            answer, body = _get_within_limits(url, parameters, policy)
            if answer.ok:
                return parse(body)
            trouble = _("status {code}: {body}").format(code=answer.status_code, body=repr(body[:100]))
            if answer.status_code < 500 and answer.status_code != BUSY:
                raise ServerRefused(
                    _("{url} refuses the question with {trouble}; look at the address.").format(
                        url=answer.url, trouble=trouble
                    )
                )
            wait = max(wait, _read_retry_after(answer))
        except (requests.RequestException, ServerUnreachable, TooLarge, TooSlow) as error:
            trouble = _explain(error, policy)
        if attempt + 1 < policy.tries:
            time.sleep(wait)
    raise ServerUnreachable(
        _("No rates from {url} in {tries} tries: {trouble}. Try again later.").format(
            url=url, tries=policy.tries, trouble=trouble
        )
    )


def _get_within_limits(url: str, parameters: Mapping[str, str], policy: RetryPolicy) -> tuple[requests.Response, bytes]:
    """The answer and its body. Raises `TooLarge`, `TooSlow` and `RequestException`.

    Each has a session of its own: that of one that hangs is still in use when the next is asked.
    """
    import requests

    got: Future[tuple[requests.Response, bytes]] = Future()

    def get() -> None:
        try:
            with requests.Session() as session:
                session.headers.update({"Accept": "application/json", "User-Agent": "flexlib"})
                # No proxy can reach a server on this machine.
                session.trust_env = urlsplit(url).hostname not in LOOPBACK
                timeout = policy.connect, policy.read
                with session.get(url, params=parameters, timeout=timeout, stream=True) as answer:
                    body = b""
                    for part in answer.iter_content(CHUNK):
                        body += part
                        if len(body) > MOST_BYTES:
                            raise TooLarge
            got.set_result((answer, body))
        except Exception as error:  # noqa: BLE001 (it is raised where it is waited for)
            got.set_exception(error)

    Thread(target=get, daemon=True).start()  # nobody waits for one that hangs
    try:
        return got.result(policy.whole)
    except FutureTimeout as error:
        raise TooSlow from error


def _explain(error: Exception, policy: RetryPolicy) -> str:
    """Why there is no answer, in words of ours: those of libraries are for programmers, and in English alone."""
    import requests

    if isinstance(error, TooLarge):
        return _("an answer of more than {size} MiB").format(size=MOST_BYTES // 1024**2)
    if isinstance(error, TooSlow):
        return _("no whole answer within {seconds} s").format(seconds=write_number(f"{policy.whole:g}"))
    if isinstance(error, requests.Timeout):
        return _("it does not answer")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return explain_untrusted()
    if isinstance(error, requests.exceptions.SSLError):
        return _("it does not speak TLS as it should")
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return _("no connection to it can be made, or it broke")
    if isinstance(error, requests.TooManyRedirects):
        return _("it sends on from one address to the next")
    return str(error).rstrip(".") if isinstance(error, FlexlibError) else _("it does not answer as a server should")


def _read_retry_after(answer: requests.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), RETRY_AFTER_LIMIT) if text.isdecimal() else 0.0
