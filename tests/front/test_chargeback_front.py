"""Whatever a month holds, whoever is on the map, whatever the rules: the lines of a chargeback are the month."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spend_samples import SEPTEMBER, call, ingest_charges, store, store_credits

from flexlib.analysis.allocation import Rule
from flexlib.analysis.chargeback import UNITS
from flexlib.front.chargeback import charge_month
from flexlib.front.chargeback_rules import ChargebackRules, Dated, PoolRule
from flexlib.front.spend import load_spend
from flexlib.money.fx import Rate
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.store.fx import KeptRate, write_kept_rates

DAYS = st.integers(1, 30)
NAMES = st.sampled_from(["A", "B", "C"])
USD = st.none() | st.decimals(0, 1000, places=10)


@st.composite
def list_calls(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Calls, and sums of days and of the month, of people and keys, with and without amounts and metadata."""
    calls = []
    for number in range(draw(st.integers(1, 8))):
        grain, usd = draw(st.sampled_from(["call", "day", "month"])), draw(USD)
        day = f"2025-09-{1 if grain == 'month' else draw(DAYS):02d}"
        said = draw(st.dictionaries(st.sampled_from(["department", "team"]), NAMES))
        pesos = draw(st.booleans()) and usd is not None
        calls.append(
            call(
                f"c{number}",
                f"{day}T{draw(st.integers(0, 23)):02d}:00:00" if grain == "call" else day,
                None if usd is None else str(usd),
                provider=draw(st.sampled_from(["openai", "anthropic"])),
                grain=grain,
                requests=1 if grain == "call" else draw(st.sampled_from([None, 5])),
                usable_type=draw(st.sampled_from(["user", "key"])),
                usable_id=draw(st.integers(1, 3)),
                amount_in_clp=(usd * 951).quantize(Decimal("0.0001")) if pesos and usd is not None else None,
                metadata=json.dumps(said) if said else None,
            )
        )
    return calls


DATES = st.sampled_from([(date.min, date.max), (date(2025, 9, 16), date.max), (date.min, date(2025, 9, 2))])
POOLS = st.lists(
    st.tuples(st.sampled_from(["usd_a_seat", "usd", "plan_credits", "line"]), st.decimals(0, 999, places=4), DATES,
              st.sampled_from(Rule)), max_size=3,
)  # fmt: skip
MAP = st.sampled_from(
    [
        "who,department\nnobody,A\n",
        "who,department,from\n1,A,2025-09-16\n2,B,\n",
        "who,team,share\n1,A,60\n1,B,40\n3,C,\n",
    ]
)


@pytest.mark.heavy
@settings(max_examples=16, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(list_calls(), st.none() | st.decimals(-10, 2000, places=2), st.booleans(), POOLS, st.sampled_from(Rule),
       st.sampled_from(Rule), MAP, st.sampled_from(["UTC", "America/Santiago"]))  # fmt: skip
def test_the_lines_are_the_month_at_every_level_in_every_unit(
    tmp_path_factory: pytest.TempPathFactory,
    calls: list[dict[str, Any]],
    bill: Decimal | None,
    has_rates: bool,
    pools: list[tuple[str, Decimal, tuple[date, date], Rule]],
    unmapped: Rule,
    beside: Rule,
    people: str,
    zone: str,
) -> None:
    root = tmp_path_factory.mktemp("month")
    fill_month(root, calls, bill, has_rates=has_rates)
    (root / "people.csv").write_text(people, "utf-8")
    listed = tuple(
        PoolRule(f"pool {place}", amount, *days, kind, rule, 3 if kind == "usd_a_seat" else None,
                 "A" if kind == "line" else None)
        for place, (kind, amount, days, rule) in enumerate(pools)
    )  # fmt: skip
    rules = ChargebackRules(unmapped, beside, listed, (Dated("IVA", Decimal(19), date.min, date.max),))
    spend = load_spend(SEPTEMBER, None, root, zone=zone, names=True, roster=root / "people.csv")
    for level in ("department", "team", "person"):
        made = charge_month(spend, level, rules)  # which raises where the lines are not the month
        for unit in UNITS:
            used = [line.items["direct use"].get(unit) for line in made.lines if "direct use" in line.items]
            assert sum(filter(None, used), Decimal(0)) == (spend.total(unit) or 0)


def fill_month(root: Path, calls: list[dict[str, Any]], bill: Decimal | None, *, has_rates: bool) -> None:
    store(root, "import", SEPTEMBER, *calls)
    store_credits(root, (2, "user-1", "MODEL_A", 0, 3333), (30, "user-2", "MODEL_A", 0, 1))
    if has_rates:
        rates = [Rate(date(2025, 9, day), Decimal("951.2531"), "test") for day in (1, 2, 3)]
        write_kept_rates([KeptRate(one, SEPTEMBER.end) for one in rates], root)
    if bill is not None:
        (root / "bill.csv").write_text(f"day,usd\n2025-09-02,{bill}\n2025-09-20,{bill}\n")
        mapping = ChargeMapping(period_start="day", amount="usd", currency="USD", provider="openai")
        ingest_charges([root / "bill.csv"], mapping, root)


@pytest.mark.parametrize(
    ("said", "roster", "share", "level"),
    [
        ({"team": "A"}, "", False, "team"),
        ({"team": "A", "department": "B"}, "", False, "department"),
        ({"cost_centre": "A"}, "", False, "cost_centre"),
        ({"team": "A"}, "who,department\n1,B\n", False, "department"),
        ({"team": "A"}, "", True, "department"),  # what is shared is of no other
        ({}, "who,project\n1,B\n", False, "project"),
        ({}, "who,team\n2,B\n", False, "department"),  # nobody of the month is in any
    ],
)
def test_who_is_charged_where_nothing_else_is_asked_is_the_first_level_that_somebody_is_in(
    tmp_path: Path, said: dict[str, str], roster: str, share: bool, level: str
) -> None:
    store(tmp_path / "data", "import", SEPTEMBER, call("x", "2025-09-02T10:00:00", "1", usable_type="user",
          usable_id=1, metadata=json.dumps(said) if said else None))  # fmt: skip
    (file := tmp_path / "organization.csv").write_text(roster or "who,department\nnobody,A\n", "utf-8")
    spend = load_spend(SEPTEMBER, None, tmp_path / "data", zone="UTC", names=False, roster=file)
    assert charge_month(spend, "", share=share).level == level
