"""Who is told of what, at which moment: rules out of a file, and what is wrong in one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notice_samples import ANA, NOON, OPENAI, rule

from flexlib.analysis.budgets import Outcome
from flexlib.deliver.claims import Claim
from flexlib.deliver.delivery import plan_notices
from flexlib.deliver.due import Times
from flexlib.deliver.rules import read_rules
from flexlib.deliver.texts import write_sentence
from flexlib.errors import BadFile

HOME = Path(__file__).parents[2]
GOOD = "email: a@example.com"


def test_the_example_is_read() -> None:
    finance, models, person = read_rules(HOME / "params" / "notices.example.yaml")
    assert (finance.budgets, finance.at) == (("all credits", "OpenAI"), (75, 90, Outcome.OVER, Outcome.WILL_BE_OVER))
    assert (finance.channel, finance.to, finance.language) == ("email", ("finanzas@example.com",), "es")
    assert (models.scopes, models.language) == (("model",), "en")
    assert (person.to, person.scopes) == (("person",), ("person", "usable"))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("scope: whole", "nothing says how the notice is sent; add one line of email, slack, webhook, file"),
        (f"{GOOD}, slack: ops", "it is sent by email and slack at once; write a notice of its own for each"),
        (f"{GOOD}, colour: red", "colour is no field of a notice; write one of"),
        (f"{GOOD}, budgets: b, scope: whole", "it has budgets and scope"),
        (f"{GOOD}, budgets: []", "has budgets: []"),
        (f"{GOOD}, scope: company", "there are no budgets of company"),
        (f"{GOOD}, at: [0]", "has at: [0]"),
        (f"{GOOD}, at: [nearly]", "has at: ['nearly']"),
        (f"{GOOD}, language: de", "the language is 'de'; choose en or es"),
        (f"{GOOD}, zone: Chile/Nowhere", "'Chile/Nowhere' is not a time zone; write it as America/Santiago or UTC"),
        (f"{GOOD}, quiet: [20:00, 08:00]", 'is no time of day; write it in quotes, as "08:00"'),  # YAML reads 1200
        (f"{GOOD}, quiet: ['20:00']", "give its two ends"),
        (f"{GOOD}, quiet: ['20:00', '20:00']", "give its two ends"),
        (f"{GOOD}, digest: '25:00'", "is no time of day"),
        ("email: nobody", "has email: 'nobody'; give an address, person or owner"),
        ("email: \"a@example.com\\nBcc: b@example.com\"", "give an address"),
        ("email: [person, a@example.com]", "email: person is of budgets of person, usable, and stands alone"),
        ("email: owner, scope: whole", "email: owner is of budgets of team, and stands alone"),
        ("slack: https://hooks.example.com/T0/B0/secret", "a slack has a name of letters and digits, such as ops"),
    ],
)  # fmt: skip
def test_a_fault_in_the_file_is_one_sentence_with_its_line(tmp_path: Path, line: str, fault: str) -> None:
    (tmp_path / "n.yaml").write_text(f"# mine\nnotices:\n  - {{{line}}}\n", "utf-8")
    with pytest.raises(BadFile) as raised:
        read_rules(tmp_path / "n.yaml")
    assert str(raised.value).startswith(f"line 3 of {tmp_path / 'n.yaml'}")
    assert fault in str(raised.value)
    assert "secret" not in str(raised.value).replace("a secret", "")


@pytest.mark.parametrize(
    "text", ["", "notices: []", "notices: 1", "[]", "notices: [", f"notices: [{{{GOOD}}}]\nmore: 1"]
)
def test_what_is_no_list_of_notices_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "n.yaml").write_text(text, "utf-8")
    with pytest.raises(BadFile):
        read_rules(tmp_path / "n.yaml")


def list_told(**changes: object) -> list[tuple[str, str]]:
    plan = plan_notices([rule("email", **changes)], [OPENAI], NOON)
    return [(one.recipient, one.event) for one in plan.claims]


def test_what_is_told_follows_from_the_budget_and_its_rule() -> None:
    """312.50 of 300.00, with thresholds of its own at 75 and 90."""
    finance = "finance@example.com"
    assert list_told() == [(finance, "75"), (finance, "90"), (finance, "over")]
    assert list_told(at=(50, 104, 105)) == [(finance, "50"), (finance, "104")]
    assert list_told(at=(Outcome.CANNOT_SAY,)) == []
    assert list_told(budgets=("another",)) == []
    assert list_told(scopes=("team",)) == []


def test_of_a_budget_of_nothing_no_share_is_told() -> None:
    nothing = replace(OPENAI, amount=Decimal(0), spent=Decimal(0), outcome="near")
    assert plan_notices([rule()], [nothing], NOON).claims == ()
    (claim,) = plan_notices([rule()], [replace(nothing, spent=Decimal(1), outcome="over")], NOON).claims
    assert write_sentence(claim, "en").replace("\u00a0", " ").endswith("with US$ 1.00 of US$ 0.00.")


def test_two_rules_tell_one_reader_once_and_the_first_decides_how() -> None:
    claims = plan_notices([rule(language="es"), rule(language="en")], [OPENAI], NOON).claims
    assert [one.language for one in claims] == ["es"] * 3


def test_a_person_is_told_of_their_own_budget_and_nobody_else_s() -> None:
    bob = replace(ANA, budget="for Bob", scope="usable", of=("user", "Bob@example.com"))
    plan = plan_notices([rule("email", "person", at=(90,))], [ANA, bob, OPENAI], NOON)
    assert [(one.recipient, one.standing.budget, one.is_own) for one in plan.claims] == [
        ("ana@example.com", "for Ana", True), ("bob@example.com", "for Bob", True)]  # fmt: skip


def test_who_has_no_address_is_named_and_not_forgotten() -> None:
    user, team = replace(ANA, scope="usable", of=("user", "42")), replace(OPENAI, scope="team", of=("payments",))
    plan = plan_notices([rule("email", "person"), rule("email", "owner")], [user, team], NOON)
    assert plan.claims == ()
    assert plan.untold == (
        "Nobody is told about the budget for Ana: it names no e-mail address; name the person by e-mail.",
        "Nobody is told about the budget OpenAI: no e-mail address of the owner of team payments is known.",
    )
    owned = plan_notices(
        [rule("email", "owner", at=(90,))], [team], NOON, lambda one: f"{one.of[0].title()}@example.com"
    )
    assert [one.recipient for one in owned.claims] == ["payments@example.com"]


@pytest.mark.parametrize(
    ("now", "quiet", "digest", "due"),
    [
        ("2025-09-23T15:00", ("20:00", "08:00"), None, "2025-09-23T15:00"),
        ("2025-09-23T19:59", ("20:00", "08:00"), None, "2025-09-23T19:59"),
        ("2025-09-23T20:00", ("20:00", "08:00"), None, "2025-09-24T08:00"),
        ("2025-09-24T07:59", ("20:00", "08:00"), None, "2025-09-24T08:00"),
        ("2025-09-24T08:00", ("20:00", "08:00"), None, "2025-09-24T08:00"),
        ("2025-09-23T12:30", ("12:00", "14:00"), None, "2025-09-23T14:00"),
        ("2025-09-23T08:30", None, "09:00", "2025-09-23T09:00"),
        ("2025-09-23T09:01", None, "09:00", "2025-09-24T09:00"),
        ("2025-09-23T09:01", ("08:00", "10:00"), "09:00", "2025-09-24T10:00"),
        ("2025-09-06T21:00", ("20:00", "00:30"), None, "2025-09-07T01:00"),  # clocks jump from 0:00 to 1:00
    ],
)
def test_nothing_goes_in_hours_of_quiet_or_before_the_digest(
    now: str, quiet: tuple[str, str] | None, digest: str | None, due: str
) -> None:
    zone = ZoneInfo("America/Santiago")
    ends = (time.fromisoformat(quiet[0]), time.fromisoformat(quiet[1])) if quiet else None
    found = Times(zone, ends, time.fromisoformat(digest) if digest else None).find_due(
        datetime.fromisoformat(now).replace(tzinfo=zone)
    )
    assert found.astimezone(zone).replace(tzinfo=None).isoformat(timespec="minutes") == due


clocks = st.times().map(lambda one: one.replace(second=0, microsecond=0, fold=0))


@given(
    now=st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1), timezones=st.just(timezone.utc)),
    ends=st.lists(clocks, min_size=2, max_size=2, unique=True),
    digest=st.none() | clocks,
    zone=st.sampled_from(["America/Santiago", "UTC", "Australia/Lord_Howe"]),
)
def test_what_waits_goes_within_two_days_and_never_in_the_quiet(
    now: datetime, ends: list[time], digest: time | None, zone: str
) -> None:
    times = Times(ZoneInfo(zone), (ends[0], ends[1]), digest)
    due = times.find_due(now)
    assert now <= due <= now + timedelta(days=2, hours=2)
    clock = due.astimezone(times.zone).time()
    first, end = ends
    jumps = due.astimezone(times.zone).utcoffset() != (due - timedelta(hours=1)).astimezone(times.zone).utcoffset()
    assert jumps or not (first <= clock < end if first < end else clock >= first or clock < end)


@pytest.mark.parametrize(
    ("changes", "language", "sentence"),
    [
        ({}, "en",
         "OpenAI: the budget of September 2025 is exceeded on 24 September, with US$ 312.50 of US$ 300.00 (104.1 %)."),
        ({"lacks": True, "day": None}, "es",
         "OpenAI: el presupuesto de septiembre de 2025 se superó, con al menos US$312,50 de US$300,00 (al menos "
         "104,1 %)."),
        ({"unit": "clp", "spent": Decimal(3125000), "amount": Decimal(3000000), "day": None}, "es",
         "OpenAI: el presupuesto de septiembre de 2025 se superó, con $3.125.000 de $3.000.000 (104,1 %)."),
        ({"outcome": "will be over", "expected": Decimal("1338.85"),
          "low": Decimal(310), "high": Decimal(1500), "spent": Decimal(256)}, "es",
         "OpenAI: se prevé que el presupuesto de septiembre de 2025 se supere el 24 de septiembre. Usado hasta "
         "ahora: US$256,00 de US$300,00 (85,3 %); previsto al final del período: US$1.338,85 "
         "(80 %: US$310,00 a US$1.500,00)."),
        ({"outcome": "cannot say"}, "en",
         "OpenAI: too much is missing to judge the budget of September 2025; US$ 312.50 of US$ 300.00 is known."),
        ({"outcome": "cannot say", "lacks": True, "spent": Decimal(0)}, "es",
         "OpenAI: falta demasiado para evaluar el presupuesto de septiembre de 2025 de US$300,00; no se sabe nada de "
         "lo que usó."),
        ({"first": date(2025, 8, 15), "last": date(2025, 9, 14), "unit": "flex_credits"}, "es",
         "OpenAI: el presupuesto del 15 de agosto al 14 de septiembre de 2025 se superó el 24 de septiembre, con "
         "312,50 de 300,00 créditos flex (104,1 %)."),
        ({"spent": Decimal("299.99"), "outcome": "90"}, "en",
         "OpenAI: 99.9 % of the budget of September 2025 is used, US$ 299.99 of US$ 300.00."),
        ({"budget": "a\x1b[31mb", "last": OPENAI.first}, "en",
         "a�[31mb: the budget of 1 September 2025 is exceeded, with US$ 312.50 of US$ 300.00 (104.1 %)."),
    ],
)  # fmt: skip
def test_a_sentence_in_the_reader_s_language(changes: dict[str, object], language: str, sentence: str) -> None:
    standing = replace(OPENAI, **changes)  # type: ignore[arg-type]
    claim = Claim("email", "a@example.com", language, standing.outcome, standing, NOON)
    assert write_sentence(claim, language).replace("\u00a0", " ") == sentence
