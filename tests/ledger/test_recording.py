"""Recording: the seed's calls, who used, one row an id, amounts, batches, a busy or absent database, forks."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import sys
import threading
import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from databases import Postgresql, execute, query
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import BadSetting
from flexlib.i18n import speak
from flexlib.ledger import (
    ConflictingUsage,
    InvalidCall,
    Ledger,
    LedgerFailed,
    LedgerUnavailable,
    UsableMixin,
    UsageQuery,
    UsageRecord,
    find_ledger,
    open_ledger,
    record_direct_usage,
    record_many,
    record_openrouter_usage,
    record_usage,
)
from flexlib.ledger.record.record import make_request_id
from flexlib.ledger.record.writing import insert_record
from flexlib.money.extra_counts import EXTRA_COUNTS
from flexlib.money.fx import Rate
from flexlib.money.price_book import load_book
from flexlib.store.fx import KeptRate, find_rates_file, write_kept_rates

NOON = datetime(2025, 9, 10, 12, tzinfo=timezone.utc)
CALL: dict[str, Any] = {
    "usable": ("user", 42),
    "provider": LlmProvider.OPENAI,
    "model": "gpt-4o",
    "prompt_tokens": 1000,
    "completion_tokens": 500,
}


DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]

LOOP: dict[str, Any] = {}
LOOP["again"] = [LOOP]


class Base(DeclarativeBase):
    pass


class User(UsableMixin, Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Team(UsableMixin, Base):
    __tablename__ = "teams"
    __usable_type__ = "team"
    number: Mapped[int] = mapped_column(primary_key=True)


class Seat(Base):
    __tablename__ = "seats"
    row: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)


def test_direct_usage_of_the_seed(ledger: Ledger) -> None:
    record = record_direct_usage(
        usable=("user", 1),
        provider=LlmProvider.OPENAI,
        model="gpt-4",
        task_type=LlmTaskType.TEXT,
        prompt_tokens=100,
        completion_tokens=50,
        amount_in_usd=0.10,
        ledger=ledger,
    )
    assert (record.proxy, record.total_tokens, record.amount_in_usd) == (None, 150, Decimal("0.10"))
    assert record.id == 1
    assert UsageQuery(ledger).all() == [record]


def test_openrouter_usage_of_the_seed(ledger: Ledger) -> None:
    record = record_openrouter_usage(
        usable=("user", 1),
        provider=LlmProvider.ANTHROPIC,
        model="claude-2",
        task_type=LlmTaskType.TEXT,
        prompt_tokens=200,
        completion_tokens=100,
        amount_in_usd=0.15,
        ledger=ledger,
    )
    assert (record.proxy, record.total_tokens, record.amount_in_usd) == (LlmProxy.OPENROUTER, 300, Decimal("0.15"))
    assert UsageQuery(ledger).via_openrouter().all() == [record]


def test_the_proxy_of_a_named_way_cannot_be_another() -> None:
    with pytest.raises(InvalidCall, match="the proxy is set by the function"):
        record_direct_usage(**CALL, proxy=LlmProxy.TOGETHER)


def test_every_column_comes_back_as_an_attribute(ledger: Ledger) -> None:
    given: dict[str, Any] = {
        "usable": ("team", 7),
        "provider": "Anthropic",
        "model": "claude-sonnet-4-5",
        "proxy": "together",
        "task_type": "embedding",
        "prompt_tokens": 900,
        "completion_tokens": 100,
        "cached_tokens": 600,
        "cache_write_tokens": 200,
        "extra_counts": {"cache_write_1h_tokens": 150, "web_searches": 0, "input_audio_tokens": None},
        "tier": "batch",
        "cost": Decimal("12.5"),
        "amount_in_usd": Decimal("0.25"),
        "amount_in_clp": Decimal("240.5"),
        "duration_ms": 1250,
        "status": "ok",
        "metadata": {"trace": "abc", "attempts": [1, 2.5, None, True]},
        "request_id": "call-1",
        "created_at": NOON,
    }
    before = datetime.now(timezone.utc)
    record = record_usage(**given, ledger=ledger)
    assert before <= record.updated_at <= datetime.now(timezone.utc)
    nothing: dict[str, Any] = dict.fromkeys(
        ("price_source", "price_date", "unpriced", "fx_rate", "fx_date", "fx_source", "unconverted", "masked")
        + ("earlier_amounts", *EXTRA_COUNTS)
    )  # fmt: skip
    assert record == UsageRecord(
        id=1,
        request_id="call-1",
        created_at=NOON,
        grain="call",
        requests=1,
        usable_type="team",
        usable_id=7,
        usable_key=None,
        provider=LlmProvider.ANTHROPIC,
        model="claude-sonnet-4-5",
        proxy=LlmProxy.TOGETHER,
        task_type=LlmTaskType.EMBEDDING,
        tier="batch",
        prompt_tokens=900,
        completion_tokens=100,
        total_tokens=1000,
        cached_tokens=600,
        cache_write_tokens=200,
        **nothing | {"cache_write_1h_tokens": 150, "web_searches": 0},
        cost=Decimal("12.5"),
        amount_in_usd=Decimal("0.25"),
        amount_in_clp=Decimal("240.5"),
        duration_ms=1250,
        status="ok",
        metadata={"trace": "abc", "attempts": [1, 2.5, None, True]},
        updated_at=record.updated_at,
    )
    assert (record.usable, record.unpriced) == (("team", 7), None)
    assert UsageQuery(ledger).first() == record


# who used it


def test_a_mapped_object_gives_its_class_and_id(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flexlib.ledger.read.scopes.find_ledger", lambda: ledger)
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        ana, team = User(name="Ana"), Team(number=3)
        session.add_all([ana, team])
        session.commit()  # which expires them: reading an attribute would be a query
        session.close()
        one = record_usage(**{**CALL, "usable": ana}, ledger=ledger)
        other = record_usage(**{**CALL, "usable": team, "provider": "google"}, ledger=ledger)
    engine.dispose()
    assert (one.usable, other.usable) == (("user", 1), ("team", 3))
    assert list(ana.usage_statistics) == [one]
    assert ana.usage_statistics.sum("total_tokens") == 1500
    assert team.usage_statistics.by_provider("google").all() == [other]
    assert team.usage_statistics.by_provider("openai").all() == []


@pytest.mark.parametrize(
    ("usable", "message"),
    [
        (User(name="new"), "usable user has the id None; it must be a whole number or a text, such as a UUID (save a"),
        (Seat(row=1, place=2), "usable seat has the id (1, 2); it must be a whole number or a text"),
        (("user", ""), "the id of usable user must be a text, not ''"),
        (("user", "ana@empresa.cl"), "the id of usable user looks like personal data or a secret (email)"),
        (("user", "12.345.678-5"), "the id of usable user looks like personal data or a secret (rut)"),
        (("key", "sk-proj-abcdefghijklmnop1234"), "the id of usable key looks like personal data or a secret (key)"),
        (("user", True), "usable user has the id True"),
        (("user", 2**63), "usable user has the id 9223372036854775808"),
        ((42, "user"), "usable must be a mapped object or a pair such as (\"user\", 42), not (42, 'user')."),
        (("", 42), "the type of usable must be a text, not ''"),
        ("user", "usable str has the id None"),
    ],
)
def test_a_usable_without_type_and_id_is_refused(ledger: Ledger, usable: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(InvalidCall, match=re.escape(message)):
        record_usage(**{**CALL, "usable": usable}, ledger=ledger)


def test_nobody_is_a_usable_only_when_the_caller_says_so(ledger: Ledger) -> None:
    assert record_usage(**{**CALL, "usable": None}, ledger=ledger).usable is None
    with pytest.raises(TypeError, match="usable"):
        record_usage(provider="openai", model="gpt-4o", ledger=ledger)  # type: ignore[call-arg]


# what is refused


def test_an_unknown_provider_is_refused_with_the_list(ledger: Ledger) -> None:
    everybody = ", ".join(LlmProvider)
    for provider in ("acme", None, 3):
        with pytest.raises(InvalidCall, match=f"provider is {provider!r}; it must be one of {everybody}"):
            record_usage(**{**CALL, "provider": provider}, ledger=ledger)
    assert record_usage(**{**CALL, "provider": LlmProvider.UNKNOWN}, ledger=ledger).provider == "unknown"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prompt_tokens": -1}, "prompt_tokens is -1; it must be from 0 to 1000000000000."),
        ({"prompt_tokens": 10**5000}, "prompt_tokens is a number of hundreds of digits; it must be from 0"),
        ({"amount_in_usd": 10**5000}, "amount_in_usd is a number of hundreds of digits, which is no amount"),
        ({"usable": ("user", 10**5000)}, "usable user has the id a number of hundreds of digits; it must be"),
        ({"prompt_tokens": 1.0}, "prompt_tokens must be a whole number, not 1.0."),
        ({"completion_tokens": True}, "completion_tokens must be a whole number, not True."),
        ({"completion_tokens": "5"}, "completion_tokens must be a whole number, not '5'."),
        ({"completion_tokens": 10**12 + 1}, "completion_tokens is 1000000000001"),
        ({"cached_tokens": 1001}, "are parts of the prompt, and prompt_tokens is 1000"),
        ({"cached_tokens": 600, "cache_write_tokens": 401}, "are parts of the prompt, and prompt_tokens is 1000"),
        ({"duration_ms": -5}, "duration_ms is -5"),
        ({"model": " "}, "model must be a text, not ' '."),
        ({"model": "a\0b"}, "model must be at most 255 printable characters"),
        ({"request_id": "x" * 201}, "request_id must be at most 200 printable characters"),
        ({"request_id": ""}, "request_id must be a text, not ''."),
        ({"status": 200}, "status must be a text, not 200."),
        ({"task_type": "chat"}, "task_type is 'chat'; it must be one of text, image"),
        ({"proxy": "acme"}, "proxy is 'acme'; it must be one of openrouter, together"),
        ({"created_at": "yesterday"}, "created_at is 'yesterday'; write it as 2025-09-01T12:00:00Z."),
        ({"created_at": date(2025, 9, 1)}, "created_at must be a time such as"),
        ({"created_at": "1999-12-31T23:59:59Z"}, "a call happens between 2000 and 2100"),
        ({"created_at": "0001-01-01T00:00:00+04:00"}, "a call happens between 2000 and 2100"),
        ({"created_at": "9999-12-31T23:59:59-05:00"}, "a call happens between 2000 and 2100"),
        ({"metadata": ["a"]}, "metadata must be a dict, not list."),
        ({"metadata": {"a": DEEP}}, "metadata cannot be kept as JSON: it is nested more than 64 levels deep."),
        ({"metadata": LOOP}, "metadata cannot be kept as JSON: it is nested more than 64 levels deep."),
        ({"status": DEEP}, "status must be a text, not [[[[[...]]]]]."),
        ({"cost": Fraction(1, 3)}, "cost must be a number such as Decimal('0.0015'), not Fraction(1, 3)."),
        ({"cost": np.float32("nan")}, "an amount is a finite number"),
        ({"amount_in_usd": np.int64(-1)}, "an amount is a finite number, zero or more"),
        ({"amount_in_usd": np.bool_(True)}, "amount_in_usd must be a number such as"),
        ({"grain": ["day"]}, "grain is ['day']; it must be one of call, day, hour, month."),
        ({"grain": "day"}, "requests must be given for grain day: of how many calls is it the sum?"),
        ({"grain": "day", "requests": 0}, "requests is 0; it is 1 for a call, and 1 or more for grain hour, day or"),
        ({"requests": 2}, "requests is 2; it is 1 for a call, and 1 or more for grain hour, day or month."),
        ({"extra_counts": {"web_searches": 10**12}}, "price refused: an amount is 10,000,000,000 USD or more"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(ledger: Ledger, given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidCall, match=re.escape(message)) as caught:
        record_usage(**{**CALL, **given}, ledger=ledger)
    assert caught.value.exit_code == 2
    assert UsageQuery(ledger).count() == 0


@pytest.mark.parametrize(
    "given",
    [
        NOON,
        NOON.replace(tzinfo=None),
        datetime(2025, 9, 10, 9, tzinfo=timezone(timedelta(hours=-3))),
        "2025-09-10T12:00:00Z",
        "2025-09-10 09:00-03:00",
        "2025-09-10T12:00:00",
    ],
)
def test_times_are_utc_inside(ledger: Ledger, given: datetime | str) -> None:
    assert record_usage(**CALL, created_at=given, ledger=ledger).created_at == NOON
    read = UsageQuery(ledger).first()
    assert read is not None
    assert (read.created_at, read.created_at.tzinfo) == (NOON, timezone.utc)


@pytest.mark.parametrize(
    ("given", "amount"),
    [
        (np.int64(3), Decimal(3)),
        (np.float64(0.1), Decimal("0.1")),
        (np.float32(0.1), Decimal("0.1")),
        (np.float16(0.1), Decimal("0.1")),
    ],
)
def test_numbers_of_numpy_are_amounts_as_those_of_python(ledger: Ledger, given: Any, amount: Decimal) -> None:  # noqa: ANN401
    record = record_usage(**CALL | {"prompt_tokens": np.int64(7)}, amount_in_usd=given, cost=given, ledger=ledger)
    assert (record.prompt_tokens, record.amount_in_usd, record.cost) == (7, amount, amount)
    assert UsageQuery(ledger).all() == [record]


def test_blanks_around_a_models_name_are_no_part_of_it(ledger: Ledger) -> None:
    record = record_usage(**CALL | {"model": " gpt-4o\n"}, status=" ok ", request_id=" a ", ledger=ledger)
    assert (record.model, record.status, record.unpriced) == ("gpt-4o", "ok", None)
    assert record.request_id == " a "  # the caller's own, whatever it is


# one row an id


def test_the_same_call_sent_twice_is_one_row_and_gives_back_the_first(ledger: Ledger) -> None:
    first = record_usage(**CALL, request_id="a", metadata={"b": 1}, ledger=ledger)
    second = record_usage(**CALL, request_id="a", metadata={"b": 1}, ledger=ledger)
    assert second == first
    assert UsageQuery(ledger).all() == [first]


@pytest.mark.parametrize(
    ("changed", "columns"),
    [
        ({"model": "gpt-4o-mini"}, ("model",)),
        ({"usable": ("user", 43)}, ("usable_id",)),
        ({"usable": None}, ("usable_type", "usable_id")),
        ({"prompt_tokens": 1001}, ("prompt_tokens", "total_tokens")),
        ({"proxy": "together", "cached_tokens": 10}, ("proxy", "cached_tokens")),
        ({"cost": "0.5"}, ("cost",)),
        ({"amount_in_usd": "0.5"}, ("amount_in_usd",)),
        ({"created_at": NOON - timedelta(microseconds=1)}, ("created_at",)),
        ({"status": "error", "metadata": {"b": 2}}, ("status", "metadata")),
        ({"metadata": None}, ("metadata",)),
    ],
)
def test_the_same_id_with_other_content_says_what_differs(
    ledger: Ledger, changed: dict[str, Any], columns: tuple[str, ...]
) -> None:
    call = {**CALL, "request_id": "a", "created_at": NOON, "metadata": {"b": 1}}
    first = record_usage(**call, ledger=ledger)
    for send in (lambda: record_usage(**{**call, **changed}, ledger=ledger),
                 lambda: record_many([{**call, **changed}], ledger=ledger)):  # fmt: skip
        with pytest.raises(ConflictingUsage) as caught:
            send()
        assert (caught.value.request_id, caught.value.columns, caught.value.exit_code) == ("a", columns, 2)
    assert UsageQuery(ledger).all() == [first]


def test_what_the_ledger_filled_in_is_not_held_against_the_caller(ledger: Ledger) -> None:
    first = record_usage(**CALL, request_id="a", amount_in_usd=3, created_at=NOON, ledger=ledger)
    assert record_usage(**CALL, request_id="a", ledger=ledger) == first


def test_a_call_that_was_repriced_since_is_still_the_same_call(ledger: Ledger) -> None:
    call = {**CALL, "request_id": "a", "metadata": {"b": 1}}
    record_usage(**call, ledger=ledger)
    noted = """price_source = 'a newer book', earlier_amounts = '[{"amount_in_usd": "0.0075"}]'"""
    execute(ledger, f"UPDATE llm_usage_statistics SET amount_in_usd = 2, {noted}")
    again = record_usage(**call, ledger=ledger)
    assert again == UsageQuery(ledger).first()


def test_an_id_that_is_not_given_is_a_uuid_of_version_7_in_the_order_of_time(ledger: Ledger) -> None:
    before = time.time_ns() // 10**6
    one = uuid.UUID(record_usage(**CALL, ledger=ledger).request_id)
    assert (one.version, one.variant) == (7, uuid.RFC_4122)
    assert before <= one.int >> 80 <= time.time_ns() // 10**6
    assert len({make_request_id() for _ in range(10_000)}) == 10_000
    early = make_request_id()
    time.sleep(0.002)
    assert early < make_request_id()


# amounts


def test_a_call_without_an_amount_is_priced_by_the_book_of_its_day(ledger: Ledger) -> None:
    record = record_usage(**CALL, created_at=NOON, ledger=ledger)  # 1000 * 2.50 + 500 * 10.00 USD a million
    assert record.amount_in_usd == Decimal("0.0075")
    assert record.cost is None
    assert (record.metadata, record.price_date, record.unpriced) == (None, None, None)
    assert record.price_source == f"{load_book().name} (openai)"


def test_a_price_that_changed_is_that_of_the_calls_time(ledger: Ledger) -> None:
    o3 = {**CALL, "model": "o3", "prompt_tokens": 10_000, "completion_tokens": 2_000}
    calls = [{**o3, "created_at": f"2025-06-{day}T12:00Z"} for day in ("09", "10")]
    assert [record_usage(**call, ledger=ledger).amount_in_usd for call in calls] == [Decimal("0.18"), Decimal("0.036")]
    many = record_many(calls * 10, ledger=ledger)
    assert [record.amount_in_usd for record in many] == [Decimal("0.18"), Decimal("0.036")] * 10
    assert {one.price_source for one in many} == {f"{load_book().name} (openai)"}
    assert many[1].price_date == date(2025, 6, 10)


def test_a_call_that_no_list_prices_is_unpriced_not_free(ledger: Ledger) -> None:
    record = record_usage(**{**CALL, "model": "my-own-model"}, ledger=ledger)
    assert (record.amount_in_usd, record.amount_in_clp) == (None, None)
    assert record.unpriced is not None
    assert "does not know 'my-own-model'" in record.unpriced
    assert record.metadata is None
    assert UsageQuery(ledger).unpriced().all() == [record]
    assert record_usage(**{**CALL, "model": "my-own-model"}, amount_in_usd=0, ledger=ledger).unpriced is None


@pytest.mark.parametrize(
    ("given", "amount"),
    [
        ({"cost": "0.02"}, Decimal("0.02")),  # without a proxy it is USD, and wins over the list's 0.0075
        ({"cost": "0.02", "proxy": LlmProxy.OPENROUTER}, Decimal("0.02")),  # whose unit is USD
        ({"cost": "0.02", "proxy": LlmProxy.WINDSURF}, None),  # credits are no money
        ({"cost": "0.02", "amount_in_usd": "0.03"}, Decimal("0.03")),
    ],
)
def test_cost_is_in_the_proxys_own_unit(ledger: Ledger, given: dict[str, Any], amount: Decimal | None) -> None:
    one = record_usage(**CALL, **given, created_at=NOON, ledger=ledger)
    assert (one.cost, one.amount_in_usd) == (Decimal("0.02"), amount)
    many = record_many([{**CALL, **given, "created_at": NOON}] * 10, ledger=ledger)
    assert {(each.cost, each.amount_in_usd) for each in many} == {(Decimal("0.02"), amount)}


def test_the_tier_in_the_metadata_sets_the_price(ledger: Ledger) -> None:
    record = record_usage(**CALL, metadata={"tier": "batch"}, created_at="2026-11-01T12:00Z", ledger=ledger)
    assert record.amount_in_usd == Decimal("0.00375")  # half of the standard 0.0075


def keep_rates(ledger: Ledger, *rates: tuple[int, str]) -> None:
    kept = [KeptRate(Rate(date(2025, 9, day), Decimal(value), "mindicador.cl"), NOON) for day, value in rates]
    write_kept_rates(kept, ledger.data)


def test_pesos_come_from_the_kept_rates_and_say_so(ledger: Ledger) -> None:
    record = record_usage(**CALL, created_at=NOON, ledger=ledger)
    assert record.amount_in_clp is None  # no rate is not a rate of 1
    assert record.unconverted == "no exchange rate is known for the day of the call"
    keep_rates(ledger, (9, "960.10"), (10, "970.5"), (11, "965"))
    record = record_usage(**CALL, created_at=NOON, ledger=ledger)
    assert record.amount_in_clp == Decimal("7.2788")  # 0.0075 * 970.5 = 7.27875, half to even
    assert (record.fx_rate, record.fx_date, record.fx_source) == (
        Decimal("970.5"), date(2025, 9, 10), "mindicador.cl",
    )  # fmt: skip
    late = record_usage(**CALL, created_at="2025-09-11T02:59Z", ledger=ledger)  # still the 10th in Santiago
    assert late.amount_in_clp == Decimal("7.2788")
    assert record_usage(**CALL, created_at=NOON, amount_in_clp="8", ledger=ledger).amount_in_clp == Decimal(8)
    assert record_usage(**CALL, created_at=NOON, amount_in_usd=2, ledger=ledger).amount_in_clp == Decimal(1941)


def test_rates_that_arrive_are_seen_by_a_running_process(ledger: Ledger) -> None:
    keep_rates(ledger, (10, "970.5"))
    assert record_usage(**CALL, created_at=NOON, ledger=ledger).amount_in_clp == Decimal("7.2788")
    keep_rates(ledger, (10, "1000"))
    assert record_usage(**CALL, created_at=NOON, ledger=ledger).amount_in_clp == Decimal("7.5")


def test_a_spoilt_table_of_rates_loses_no_call_and_the_row_says_so(ledger: Ledger) -> None:
    keep_rates(ledger, (10, "970.5"))
    find_rates_file(ledger.data).write_text("day;value\n", "utf-8")
    for code in ("en", "es"):  # what is stored is in English
        with speak(code):
            record = record_usage(**CALL, created_at=NOON, ledger=ledger)
        assert (record.amount_in_usd, record.amount_in_clp) == (Decimal("0.0075"), None)
        assert "does not start with day,value,source" in str(record.unconverted)


# batches


def test_a_batch_comes_back_in_its_order_with_the_first_of_each_id(ledger: Ledger) -> None:
    first = record_usage(**CALL, request_id="b", ledger=ledger)
    calls = [{**CALL, "request_id": name} for name in ("c", "b", "a", "c")]
    stored = record_many(calls, ledger=ledger)
    assert [one.request_id for one in stored] == ["c", "b", "a", "c"]
    assert stored[1] == first
    assert stored[3] == stored[0]
    assert UsageQuery(ledger).count() == 3
    assert sorted(UsageQuery(ledger)) == sorted([stored[0], stored[1], stored[2]])
    assert record_many([], ledger=ledger) == []


def test_a_batch_is_stored_whole_or_not_at_all(ledger: Ledger) -> None:
    record_usage(**CALL, request_id="b", ledger=ledger)
    good = [{**CALL, "request_id": f"good {number}"} for number in range(20)]
    with pytest.raises(ConflictingUsage, match="'b' is stored already, and model differs"):
        record_many([*good, {**CALL, "request_id": "b", "model": "o3"}], ledger=ledger)
    with pytest.raises(ConflictingUsage, match="'x' is stored already, and status differs"):
        record_many([*good, {**CALL, "request_id": "x"}, {**CALL, "request_id": "x", "status": "ok"}], ledger=ledger)
    with pytest.raises(InvalidCall, match="call 20 of the batch: prompt_tokens is -1"):
        record_many([*good, {**CALL, "prompt_tokens": -1}], ledger=ledger)
    with pytest.raises(InvalidCall, match="call 20 of the batch: got an unexpected keyword argument 'tokens'"):
        record_many([*good, {**CALL, "tokens": 1}], ledger=ledger)
    assert UsageQuery(ledger).count() == 1


def test_a_batch_stores_what_the_same_calls_alone_would(ledger: Ledger) -> None:
    keep_rates(ledger, (10, "970.5"))
    calls = [
        {
            **CALL,
            "created_at": NOON,
            "provider": provider,
            "model": model,
            "prompt_tokens": tokens,
            "cached_tokens": tokens // 3,
            "proxy": proxy,
            "metadata": {"note": 'a "quoted" text\nwith\ttabs, \\ and ñ', "n": tokens} if tokens % 2 else None,
        }
        for provider, model in (("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("meta", "no such model"))
        for tokens in (0, 7, 123_457, 300_000)
        for proxy in (None, "openrouter")
    ]
    alone = [record_usage(**call, request_id=f"alone {place}", ledger=ledger) for place, call in enumerate(calls)]
    many = record_many([{**call, "request_id": f"many {place}"} for place, call in enumerate(calls)], ledger=ledger)
    skipped = {"id", "request_id", "updated_at"}
    assert [{name: value for name, value in one._asdict().items() if name not in skipped} for one in many] == [
        {name: value for name, value in one._asdict().items() if name not in skipped} for one in alone
    ]
    read = UsageQuery(ledger).all()
    assert sorted(read) == sorted(alone + many)


# a busy or absent database


def test_a_busy_database_is_waited_for(sqlite_ledger: Ledger) -> None:
    blocker = sqlite3.connect(str(sqlite_ledger.path), isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.5, lambda: blocker.execute("COMMIT"))
    timer.start()
    assert blocker.in_transaction
    record_usage(**CALL, ledger=sqlite_ledger)
    assert not blocker.in_transaction
    timer.join()
    blocker.close()
    assert UsageQuery(sqlite_ledger).count() == 1


def test_a_database_that_stays_busy_is_an_error_in_bounded_time(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    blocker = sqlite3.connect(str(sqlite_ledger.path), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    impatient = open_ledger(data=tmp_path, retry_seconds=0.5)
    for send in (lambda: record_usage(**CALL, ledger=impatient), lambda: record_many([CALL], ledger=impatient)):
        started = time.monotonic()
        with pytest.raises(LedgerUnavailable, match=r"was busy or out of reach for \d\.\d s: database is locked"):
            send()
        assert time.monotonic() - started > 0.3
    blocker.execute("ROLLBACK")
    blocker.close()
    record_usage(**CALL, ledger=impatient)
    impatient.close()
    assert UsageQuery(sqlite_ledger).count() == 1


def test_connections_that_the_server_cut_are_made_again(postgresql_ledger: Ledger) -> None:
    record_usage(**CALL, ledger=postgresql_ledger)
    with postgresql_ledger.connect() as one, postgresql_ledger.connect() as other:
        assert one.execute("SELECT 1").fetchone() == other.execute("SELECT 1").fetchone()
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    mine = open_ledger(postgresql_ledger._url.render_as_string(hide_password=False))  # noqa: SLF001
    assert query(mine, f"{cut} pg_backend_pid()") == [(True,), (True,)]
    mine.close()
    record_usage(**CALL, ledger=postgresql_ledger)
    record_many([CALL], ledger=postgresql_ledger)
    assert UsageQuery(postgresql_ledger).count() == 3


SECRET = "hunter2"


def test_a_server_that_is_not_there_is_an_error_that_keeps_the_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"postgresql+psycopg://ana:{SECRET}@127.0.0.1:1/ledger"
    ledger = open_ledger(url, retry_seconds=0.3)
    with pytest.raises(LedgerUnavailable, match=r"127.0.0.1/ledger\) was busy or out of reach") as caught:
        record_usage(**CALL, ledger=ledger)
    shown = "".join(traceback.format_exception(caught.value))
    said = [str(caught.value), repr(ledger), repr(ledger.engine), repr(vars(ledger)), ledger.place, caplog.text, shown]
    assert [text for text in said if SECRET in text] == []
    assert "OperationalError" in shown


@pytest.mark.parametrize(("user", "database"), [("postgres", "nowhere"), ("nobody", "postgres")])
def test_a_server_that_lets_nobody_in_is_not_asked_again(postgresql: Postgresql, user: str, database: str) -> None:
    url = make_url(postgresql.uri).set(drivername="postgresql+psycopg", username=user, database=database)
    ledger = open_ledger(url.render_as_string(hide_password=False), retry_seconds=600)  # past this test's limit
    with pytest.raises(LedgerFailed, match=r'refused: (database "nowhere"|role "nobody") does not exist'):
        record_usage(**CALL, ledger=ledger)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://ana:{SECRET}@{SECRET}@host/db",
        f"postgresql+psycopg://ana:{SECRET}@host:port/db",
        f"mysql://ana:{SECRET}@host/db",
        f"postgresql+asyncpg://ana:{SECRET}@host/db",
        f"{SECRET}",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_a_url_that_makes_no_sense_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadSetting, match="FLEXLIB_DATABASE_URL") as caught:
        open_ledger(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


# settings, threads and forks


def test_the_ledger_of_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ledger_url: str) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("FLEXLIB_DATABASE_URL", raising=False)
    default = find_ledger()
    assert (default.backend, default.path) == ("sqlite", tmp_path / "data" / "ledger.sqlite")
    assert find_ledger() is default
    record_usage(**CALL)
    assert default.path is not None
    assert default.path.exists()
    monkeypatch.setenv("FLEXLIB_DATABASE_URL", ledger_url)
    monkeypatch.setenv("FLEXLIB_PRIVACY", "rut,email")
    monkeypatch.setenv("FLEXLIB_METADATA_BYTES", "100")
    other = find_ledger()
    assert (other.guard.kinds, other.metadata_bytes) == (("rut", "email"), 100)
    record_usage(**CALL)
    assert query(other, "SELECT count(*) FROM llm_usage_statistics") == [(1,)]
    default.close()
    other.close()


@pytest.mark.parametrize(("name", "value"), [("FLEXLIB_PRIVACY", "faces"), ("FLEXLIB_METADATA_BYTES", "many")])
def test_a_setting_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=value):
        find_ledger()


def test_threads_share_a_ledger(ledger: Ledger) -> None:
    def record(number: int) -> list[UsageRecord]:
        return [record_usage(**CALL, request_id=f"{number % 4} {one}", ledger=ledger) for one in range(25)]

    with ThreadPoolExecutor(8) as pool:
        records = [one for some in pool.map(record, range(8)) for one in some]
    assert UsageQuery(ledger).count() == 100  # 4 * 25 ids, each sent by two threads
    assert {one.id for one in records} == {one.id for one in UsageQuery(ledger)}


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_opens_connections_of_its_own(ledger: Ledger) -> None:
    record_usage(**CALL, request_id="before", ledger=ledger)
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            try:
                for one in range(20):
                    record_usage(**CALL, request_id=f"child {number} {one}", ledger=ledger)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    for one in range(20):
        record_usage(**CALL, request_id=f"parent {one}", ledger=ledger)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    record_usage(**CALL, request_id="after", ledger=ledger)
    assert UsageQuery(ledger).count() == 82


def test_a_lost_answer_to_a_commit_does_not_make_a_second_row(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    lost: Exception = psycopg.OperationalError("the answer was lost")
    if ledger.backend == "sqlite":
        lost = sqlite3.OperationalError("the answer was lost")
        lost.sqlite_errorname = "SQLITE_BUSY"
    failures = [lost]

    def store_and_lose(ledger: Ledger, record: UsageRecord) -> int | None:
        number = insert_record(ledger, record)
        if failures:
            raise failures.pop()
        return number

    monkeypatch.setattr("flexlib.ledger.record.recording.insert_record", store_and_lose)
    record = record_usage(**CALL, ledger=ledger)
    assert failures == []
    assert UsageQuery(ledger).all() == [record]


def test_rows_of_others_do_not_disturb(ledger: Ledger) -> None:
    record_usage(**CALL, request_id="a", ledger=ledger)
    execute(ledger, "UPDATE llm_usage_statistics SET metadata = NULL, status = 'by hand'")
    with pytest.raises(ConflictingUsage, match="status differs"):
        record_usage(**CALL, request_id="a", ledger=ledger)


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
def test_a_batch_that_the_disk_does_not_take_says_why_and_leaves_nothing(sqlite_ledger: Ledger) -> None:
    import resource

    record_usage(**CALL, ledger=sqlite_ledger)
    calls = [{**CALL, "metadata": {"note": "x" * 500}} for _place in range(10_000)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with sqlite_ledger.connect() as connection:  # the one that the pool gives again
        connection.execute("PRAGMA cache_size = 10")  # so that SQLite writes in the transaction, as of a large batch
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    try:
        with pytest.raises(LedgerFailed, match="refused: disk I/O error"):
            record_many(calls, ledger=sqlite_ledger)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert query(sqlite_ledger, "SELECT count(*) FROM llm_usage_statistics") == [(1,)]
