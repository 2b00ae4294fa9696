"""The rules of a chargeback: what the file says, and each fault of it with its line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexlib.analysis.allocation import Rule
from flexlib.analysis.chargeback import Charge, LineKey, LineKind, Use, build_lines
from flexlib.dates import Month, Span
from flexlib.errors import BadFile
from flexlib.front.chargeback_rules import ChargebackRules, Dated, read_rules
from flexlib.report.folder import find_packaged

EXAMPLE = find_packaged() / "params" / "chargeback.example.yaml"


def read(tmp_path: Path, text: str) -> ChargebackRules:
    (file := tmp_path / "rules.yaml").write_text(text, "utf-8")
    return read_rules(file)


def test_the_example_says_what_it_explains() -> None:
    rules = read_rules(EXAMPLE)
    assert (rules.unmapped, rules.billed_beside) == (Rule.NONE, Rule.NONE)
    assert [(one.name, one.kind, one.amount, one.rule) for one in rules.pools] == [
        ("seat fees", "usd_a_seat", Decimal("30.00"), Rule.HEAD),
        ("plan credits", "plan_credits", Decimal("500"), Rule.USE),
        ("shared pool", "usd", Decimal("400.00"), Rule.EQUAL),
    ]
    assert (rules.pools[0].seats, rules.pools[2].end) == (600, date(2026, 1, 1))
    assert rules.taxes == (Dated("IVA", Decimal(19), date(2003, 10, 1), date.max),)


def test_what_is_not_said_is_not_charged_and_not_shared(tmp_path: Path) -> None:
    assert read(tmp_path, "pools:\n") == ChargebackRules()
    shared = read(tmp_path, "unmapped: use\npools:\n  - {name: gateway, line: Platform, rule: equal}\n")
    assert (shared.unmapped, shared.pools[0].line, shared.pools[0].amount) == (Rule.USE, "Platform", Decimal(0))


@pytest.mark.parametrize(
    ("first", "end", "share"),
    [
        (date.min, date.max, 1),
        (date(2025, 9, 16), date.max, Fraction(1, 2)),  # 16 to 30: 15 of 30 days
        (date.min, date(2025, 9, 2), Fraction(1, 30)),  # the first alone: what ends on it ends before the second
        (date(2025, 10, 1), date.max, 0),
        (date.min, date(2025, 9, 1), 0),
    ],
)
def test_a_date_within_the_month_leaves_the_share_of_its_days(first: date, end: date, share: Fraction) -> None:
    days: Span = Month(2025, 9).span
    assert Dated("fee", Decimal(1), first, end).measure_share(days) == share


def test_until_is_the_last_day_as_it_is_in_the_organization(tmp_path: Path) -> None:
    entry = "pools:\n  - {{name: fee, usd: '30', rule: equal, from: {}, until: {}}}\n"
    (one_day,) = read(tmp_path, entry.format("2025-09-02", "2025-09-02")).pools
    assert one_day.measure_share(Month(2025, 9).span) == Fraction(1, 30)
    (for_ever,) = read(tmp_path, entry.format("2025-09-01", "9999-12-31")).pools
    assert for_ever.measure_share(Month(2025, 9).span) == 1


def test_a_price_that_changes_is_two_entries_of_one_name(tmp_path: Path) -> None:
    entry = '  - {{name: seats, usd: "{}", rule: head, {}}}\n'
    rules = read(
        tmp_path, "pools:\n" + entry.format("30", "until: 2025-09-15") + entry.format("40", "from: 2025-09-16")
    )
    assert [one.measure_share(Month(2025, 9).span) for one in rules.pools] == [Fraction(1, 2), Fraction(1, 2)]


POOL = "pools:\n  - {name: a, usd: '1', rule: use}\n  - "
LINE = "pools:\n  - {name: a, line: Platform, rule: use}\n  - "


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("- 1", 0, "the rules of a chargeback are unmapped, billed_beside, pools, taxes, not a list"),
        ("unmapped: none\ntax: 3", 2, "not tax"),
        ("pools: 3", 1, "pools is no list; give one entry a line, with -"),
        ("pools:\ntaxes: {name: a}", 2, "taxes is no list"),
        ("pools:\nunmapped: fair", 2, "unmapped is 'fair'; it must be one of none, equal, use, head"),
        ("billed_beside: [use]", 1, "billed_beside is ['use']; it must be"),
        (POOL + "3", 3, ": 3 stands where a pool should; write its fields as name: value, of"),
        (POOL + "{name: b, usd: '1', rule: use, to: x}", 3, "to is no field of a pool; write one of from, line, name"),
        (POOL + "{usd: '1', rule: use}", 3, "a pool is called None; give it a name of its own"),
        (POOL + "{name: Unmapped, usd: '1', rule: use}", 3, "is called 'Unmapped'; give it a name of its own"),
        (
            POOL + "{name: b, rule: use}",
            3,
            "b does not say how much it is; add one line of usd_a_seat, usd, plan_credits, line",
        ),
        (POOL + "{name: b, usd: '1', line: c, rule: use}", 3, "b says usd and line at once; keep one of them"),
        (POOL + "{name: b, usd: 1_500.5, rule: use}", 3, "b has usd: 1_500.5; write it as digits with at most 4 dec"),
        (POOL + "{name: b, usd: '-1', rule: use}", 3, "b has usd: '-1'; write it as digits"),
        (POOL + "{name: b, usd: '1.00001', rule: use}", 3, "with at most 4 decimals"),
        (POOL + "{name: b, usd: '1'}", 3, "b: the rule is None; it must be one of none, equal, use, head"),
        (POOL + "{name: b, usd: '1', seats: 3, rule: use}", 3, "b has seats: 3; give a whole number, beside usd_a"),
        (POOL + "{name: b, usd_a_seat: '1', seats: 1.5, rule: use}", 3, "b has seats: 1.5; give a whole number"),
        (POOL + "{name: b, line: 3, rule: use}", 3, "b has line: 3; write the name of a line"),
        (POOL + "{name: b, usd: '1', rule: use, from: soon}", 3, "b has the date 'soon'; write it as 2025-09-01"),
        (
            POOL + "{name: b, usd: '1', rule: use, from: 2025-02-30}",
            0,
            "YAML: line 3, column 42: '2025-02-30' is no date",
        ),
        (POOL + "{name: b, usd: '1', rule: use, from: 2025-09-02, until: 2025-09-01}", 3, "b ends on 2025-09-01, befo"),
        (POOL + "{name: a, usd: '2', rule: use}", 3, "a stands twice on every day; end the first before"),
        (POOL + "{name: a, usd: '2', rule: use, from: 2025-09-01}", 3, "a stands twice on 2025-09-01"),
        (POOL[:-4] + "taxes:\n  - {name: a, percent: '19'}", 4, "a is a pool too; give the tax another name"),
        (LINE + "{name: b, line: Platform, rule: use}", 3, "b shares out Platform, as a does; a line is shared"),
        (LINE + "{name: b, line: ' Platform', rule: none, from: 2025-09-30}", 3, "b shares out Platform, as a does"),
        ("taxes:\n  - {name: IVA, percent: yes}", 2, "IVA has percent: True; write it as digits"),
        (
            "taxes:\n  - {name: IVA, percent: '19', rule: use}",
            2,
            "rule is no field of a tax; write one of from, name, percent",
        ),
        ("pools: [", 0, "cannot be read as YAML: line 1, column 9 is not as YAML is written"),
        ("unmapped: use\nunmapped: head", 0, "the name 'unmapped' is given twice, again in line 2"),
    ],
)
def test_a_fault_is_said_in_a_sentence_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(BadFile) as failed:
        read(tmp_path, text)
    assert said in str(failed.value)
    assert str(failed.value).startswith(f"line {line} of {tmp_path / 'rules.yaml'}: " if line else str(tmp_path))


def test_all_faults_of_a_file_are_told_in_one_run_each_with_its_line(tmp_path: Path) -> None:
    pools = "pools:\n  - {name: a, usd: x, rule: y}\n  - {usd: 1, rule: use}\n"
    text = f"unmapped: fair\n{pools}taxes:\n  - {{name: t, percent: 19.5}}\n  - {{name: t, percent: 19}}\n"
    with pytest.raises(BadFile) as failed:
        read(tmp_path, text)
    said = str(failed.value).replace(f" of {tmp_path / 'rules.yaml'}", "").splitlines()
    assert [one.partition(";")[0] for one in said] == [
        "line 1: unmapped is 'fair'", "line 3: a has usd: 'x'", "line 3: a: the rule is 'y'",
        "line 4: a pool is called None", "line 7: t stands twice on every day",
    ]  # fmt: skip


def test_an_amount_is_what_is_written_in_quotes_or_not(tmp_path: Path) -> None:
    rules = read(tmp_path, "pools:\n  - {name: a, usd: 30.50, rule: use}\ntaxes:\n  - {name: IVA, percent: 19}\n")
    assert (str(rules.pools[0].amount), str(rules.taxes[0].amount)) == ("30.50", "19")


SHARED = st.tuples(
    st.sampled_from("AB"), st.sampled_from(list(Rule)), st.sampled_from([1, 16, 30]), st.sampled_from([16, 29, 30])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SHARED, max_size=4), st.lists(st.integers(0, 10**6), min_size=4, max_size=4))
def test_a_line_is_shared_out_once_and_none_ends_below_zero_by_a_pool(
    tmp_path: Path, shared: list[tuple[str, Rule, int, int]], cents: list[int]
) -> None:
    pools = [(*one[:3], max(one[2:])) for one in shared]
    entries = [
        f"  - {{name: {line}{place}, line: {line}, rule: {rule}, from: 2025-09-{first:02}, until: 2025-09-{last:02}}}"
        for place, (line, rule, first, last) in enumerate(pools)
    ]
    days = [(line, day) for line, _, first, last in pools for day in range(first, last + 1)]
    if len(set(days)) < len(days):
        with pytest.raises(BadFile, match="a line is shared out once"):
            read(tmp_path, "\n".join(["pools:", *entries]))
        return
    parts = [*(LineKey(LineKind.PART, name) for name in "ABC"), LineKey(LineKind.UNMAPPED)]
    use = {key: Use({"usd": Decimal(amount).scaleb(-2)}) for key, amount in zip(parts, cents, strict=True)}
    charges = []
    for pool in read(tmp_path, "\n".join(["pools:", *entries])).pools:
        key = LineKey(LineKind.PART, pool.line or "")
        if pool.first <= date(2025, 9, 30) < pool.end:
            charges.append(Charge(pool.name, use[key].amounts, pool.rule, source=key))
    lines = build_lines(use, charges, [("IVA", Decimal(19))], dict.fromkeys(parts, 1))
    assert min(line.total("usd", exact=True) or 0 for line in lines) >= 0
    assert min(line.total("usd") or 0 for line in lines) >= 0
