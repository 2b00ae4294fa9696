"""The two services of the dollar's rate, asked over real HTTP, with all that goes wrong there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rates_server import QUICK, RatesServer, serve_rates

from flexlib.dates import Month, Span
from flexlib.errors import FlexlibError, ServerRefused, ServerUnreachable
from flexlib.i18n import speak
from flexlib.money.fx import Rate
from flexlib.sources.fx import (
    FRANKFURTER,
    MINDICADOR,
    RetryPolicy,
    fetch_frankfurter,
    fetch_mindicador,
    parse_frankfurter,
    parse_mindicador,
)

SEPTEMBER = Month(2025, 9).span


@pytest.fixture
def server() -> Iterator[RatesServer]:
    with serve_rates() as server:
        server.mindicador = {
            "2025-01-02": "996.46",
            "2025-09-12": "954.85",
            "2025-09-15": "950.1",
            "2024-12-30": "992.12",
        }
        server.frankfurter = {"2025-09-12": "954.85", "2025-09-15": "950.10", "2025-10-01": "961"}
        yield server


def test_year_of_mindicador_is_read_exactly_and_in_order(server: RatesServer) -> None:
    assert fetch_mindicador(2025, server.url, QUICK) == [
        Rate(date(2025, 1, 2), Decimal("996.46"), MINDICADOR),  # midnight in summer: 03:00Z
        Rate(date(2025, 9, 12), Decimal("954.85"), MINDICADOR),  # in winter time: 04:00Z
        Rate(date(2025, 9, 15), Decimal("950.1"), MINDICADOR),
    ]
    assert server.asked == ["/api/dolar/2025"]


def test_span_of_frankfurter_is_the_central_banks_own_series(server: RatesServer) -> None:
    assert fetch_frankfurter(SEPTEMBER, server.url, QUICK) == [
        Rate(date(2025, 9, 12), Decimal("954.85"), FRANKFURTER),
        Rate(date(2025, 9, 15), Decimal("950.1"), FRANKFURTER),
    ]
    assert server.asked == ["/v2/rates?base=USD&quotes=CLP&from=2025-09-01&to=2025-09-30&providers=bcch"]


def test_year_without_observations_is_empty_and_no_failure(server: RatesServer) -> None:
    assert fetch_mindicador(2027, server.url, QUICK) == []


@pytest.mark.parametrize("fault", ["500", "503", "429", "html", "cut", "hang", "drop"])
def test_fault_that_passes_is_asked_again(server: RatesServer, fault: str) -> None:
    server.faults = [fault, fault]
    assert len(fetch_mindicador(2025, server.url, QUICK)) == 3
    assert len(server.asked) == 3


@pytest.mark.parametrize("fault", ["500", "429", "html", "cut", "hang", "drop"])
def test_fault_that_stays_is_an_error_after_the_last_try_and_never_an_empty_series(
    server: RatesServer, fault: str
) -> None:
    server.faults = [fault] * 10
    with pytest.raises(ServerUnreachable, match="No rates from http://127.0.0.1:.* in 3 tries"):
        fetch_frankfurter(SEPTEMBER, server.url, QUICK)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("hang", "(no responde|ninguna respuesta completa en)"),
        ("drop", "no se puede establecer una conexión, o se cortó"),
        ("cut", "no se puede establecer una conexión, o se cortó"),
        ("500", "estado 500: b"),
    ],
)
def test_why_there_are_no_rates_is_said_in_the_readers_language(server: RatesServer, fault: str, why: str) -> None:
    server.faults = [fault] * 10
    with (
        speak("es"),
        pytest.raises(ServerUnreachable, match=f"^Sin tipos de cambio de .* en 3 intentos: {why}.*más tarde"),
    ):
        fetch_frankfurter(SEPTEMBER, server.url, QUICK)


@pytest.mark.parametrize("status", ["400", "403", "404", "422"])
def test_no_of_the_server_is_not_asked_twice(server: RatesServer, status: str) -> None:
    server.faults = [status]
    with pytest.raises(ServerRefused, match=f"status {status}"):
        fetch_frankfurter(SEPTEMBER, server.url, QUICK)
    assert len(server.asked) == 1


@pytest.mark.parametrize(("fault", "why"), [("bomb", "an answer of more than 4 MiB"), ("drip", "within 0.5 s")])
def test_answer_without_an_end_is_left_within_limits(fault: str, why: str, server: RatesServer) -> None:
    server.faults = [fault] * QUICK.tries
    with pytest.raises(ServerUnreachable, match=f"in {QUICK.tries} tries: .*{why}"):
        fetch_mindicador(2025, server.url, replace(QUICK, whole=0.5))


def test_try_that_ran_out_of_its_time_shares_no_session_with_the_next(server: RatesServer) -> None:
    server.faults = ["drip", "503"]
    assert len(fetch_mindicador(2025, server.url, replace(QUICK, whole=0.5))) == 3
    assert server.cookies == [None, None, None]


def test_server_that_is_not_there_is_unreachable() -> None:
    with serve_rates() as server:
        gone = server.url
    with pytest.raises(ServerUnreachable, match="in 2 tries"):
        fetch_mindicador(2025, gone, RetryPolicy(tries=2, pause=0.01))


def test_proxy_of_the_environment_is_not_asked_for_this_machine(
    server: RatesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert len(fetch_mindicador(2025, server.url, QUICK)) == 3


def build_series(rows: str) -> bytes:
    return f'{{"codigo": "dolar", "serie": [{rows}]}}'.encode()


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"[]", "not a series of the dollar"),
        (b'{"codigo": "uf", "serie": []}', "not a series of the dollar"),
        (b'{"codigo": "dolar", "serie": null}', "not a series of the dollar"),
        (build_series('{"fecha": "2025-09-12T03:00:00.000Z"}'), "cannot be read"),
        (build_series('{"fecha": "2025-09-12", "valor": null}'), "cannot be read"),
        (build_series('{"fecha": "2025-09-12", "valor": true}'), "cannot be read"),  # Decimal(True) would be 1
        (build_series('{"fecha": "2025-09-12", "valor": "954.85"}'), "cannot be read"),
        (build_series('{"fecha": "2025-09-12", "valor": NaN}'), "not JSON"),
        (build_series('{"fecha": "2025-09-12", "valor": 1e400}'), "cannot be read"),
        (build_series('{"fecha": "2025-09-12", "valor": 0}'), "cannot be read"),
        (build_series('{"fecha": "2025-09-12", "valor": -954.85}'), "cannot be read"),
        (build_series('{"fecha": "12-09-2025", "valor": 954.85}'), "cannot be read"),
        (build_series('{"fecha": null, "valor": 954.85}'), "cannot be read"),
        (build_series("7"), "cannot be read"),
        (build_series('{"fecha": "2024-09-12", "valor": 954.85}'), "speaks of 2024-09-12"),
        (
            build_series('{"fecha": "2025-09-12", "valor": 954.85}, {"fecha": "2025-09-12", "valor": 954.86}'),
            "two values",
        ),
    ],
)
def test_answer_of_mindicador_that_is_something_else_is_refused(body: bytes, trouble: str) -> None:
    with pytest.raises(ServerUnreachable, match=trouble):
        parse_mindicador(body, 2025)


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        (b'{"rates": {"CLP": 954.85}}', "not a list"),
        (b'[{"date": "2025-09-12", "base": "EUR", "quote": "CLP", "rate": 1020.1}]', "not about USD in CLP"),
        (b'[{"date": "2025-09-12", "base": "USD", "quote": "EUR", "rate": 0.85}]', "not about USD in CLP"),
        (b'[{"date": "2025-10-12", "base": "USD", "quote": "CLP", "rate": 954.85}]', "speaks of 2025-10-12"),
        (b'[{"date": "2025-09-12", "base": "USD", "quote": "CLP"}]', "cannot be read"),
        (b"[3]", "cannot be read"),
    ],
)
def test_answer_of_frankfurter_that_is_something_else_is_refused(body: bytes, trouble: str) -> None:
    with pytest.raises(ServerUnreachable, match=trouble):
        parse_frankfurter(body, SEPTEMBER)


def test_same_observation_twice_is_one() -> None:
    row = '{"fecha": "2025-09-12T03:00:00.000Z", "valor": 954.85}'
    assert len(parse_mindicador(build_series(f"{row}, {row}"), 2025)) == 1


def test_value_is_the_text_of_the_wire_and_not_the_nearest_float() -> None:
    body = b'[{"date": "2025-09-12", "base": "USD", "quote": "CLP", "rate": 954.12345678}]'
    assert parse_frankfurter(body, SEPTEMBER)[0].value == Decimal("954.12345678")


def test_decimals_beyond_eight_are_noise_and_rounded() -> None:
    body = b'[{"date": "2025-09-12", "base": "USD", "quote": "CLP", "rate": 954.8500000000001}]'
    assert parse_frankfurter(body, SEPTEMBER)[0].value == Decimal("954.85")


KEYS = st.sampled_from(["codigo", "serie", "fecha", "valor", "date", "rate", "base", "quote"])
LEAVES = st.none() | st.booleans() | st.floats(allow_nan=False) | st.sampled_from(["dolar", "2025-09-12", "", "USD"])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=12)


@given(JSON | st.fixed_dictionaries({"codigo": st.just("dolar"), "serie": st.lists(st.dictionaries(KEYS, JSON))}))
def test_any_json_is_rates_or_a_named_error(answer: object) -> None:
    body = json.dumps(answer).encode()
    year = Span(date(2025, 1, 1), date(2025, 12, 31))
    for parse in (partial(parse_mindicador, body, 2025), partial(parse_frankfurter, body, year)):
        try:
            rates = parse()
        except FlexlibError:
            continue
        assert all(rate.day.year == 2025 and rate.value > 0 for rate in rates)
