"""The certificate: which state holds, when a month is read again, and that its text says all of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.certificate import CreditsCertificate, State, UsageCertificate, explain_rows, explain_witness
from flexlib.checks import Check, describe_check, explain_check
from flexlib.dates import Month
from flexlib.proof import Unclosed, find_worst, read_check, read_unclosed, write_check, write_unclosed
from flexlib.store.version import parse_certificate

SEPTEMBER = Month(2025, 9)
SETTLED = datetime(2025, 10, 1, 3, tzinfo=timezone.utc)
"""Three hours after the month: the first moment at which the server has all of it."""

WHOLE = CreditsCertificate(
    month=SEPTEMBER,
    read_at=SETTLED,
    rows=2,
    quarantined_rows=0,
    rows_sha256="ab" * 32,
    server="https://server.codeium.com",
    route="team",
    route_reason="the first choice, and the server answered it",
    users_asked=5930,
    users_active=347,
    flex_credits_hundredths=12_545_000,
    prompt_credits_hundredths=700,
    sums=Check("agrees", "sums", 3, figures={"rows": 2}),
)
IMPORTED = UsageCertificate(
    month=SEPTEMBER,
    read_at=SETTLED,
    rows=1,
    quarantined_rows=0,
    rows_sha256="cd" * 32,
    source="import",
    rows_read=1,
    prompt_tokens=10,
    completion_tokens=5,
    files=({"name": "calls.csv", "sha256": "ef" * 32, "rows": 1},),
)
DIFFERS = Check("differs", "this with that", 1, "by much")


def test_a_whole_month_is_complete_with_exit_code_0() -> None:
    assert (WHOLE.state, WHOLE.state.exit_code) == (State.COMPLETE, 0)


@pytest.mark.parametrize(("missing", "exit_code"), [({"users_failed": 1}, 3), ({"quarantined_rows": 1}, 3)])
def test_a_user_or_a_row_that_is_missing_is_a_gap(missing: dict[str, int], exit_code: int) -> None:
    state = replace(WHOLE, **missing).state  # type: ignore[arg-type]
    assert (state, state.exit_code) == (State.GAP, exit_code)


@pytest.mark.parametrize("name", ["sums", "cross_check", "independent_total", "balance"])
def test_any_two_sums_that_differ_are_unreconciled(name: str) -> None:
    state = replace(WHOLE, **{name: DIFFERS}).state  # type: ignore[arg-type]
    assert (state, state.exit_code) == (State.UNRECONCILED, 4)


@pytest.mark.parametrize(
    ("read_at", "state"),
    [
        (datetime(2025, 9, 21, tzinfo=timezone.utc), State.PROVISIONAL),
        (datetime(2025, 10, 1, tzinfo=timezone.utc), State.PROVISIONAL),
        (SETTLED - timedelta(seconds=1), State.PROVISIONAL),
        (SETTLED, State.COMPLETE),
    ],
)
def test_a_month_is_provisional_until_three_hours_after_its_end(read_at: datetime, state: State) -> None:
    assert replace(WHOLE, read_at=read_at).state is state


def test_the_worst_that_holds_is_the_state() -> None:
    early = replace(WHOLE, read_at=datetime(2025, 9, 21, tzinfo=timezone.utc))
    unreconciled = replace(early, balance=DIFFERS)
    assert [early.state, unreconciled.state, replace(unreconciled, users_failed=1).state] == [
        State.PROVISIONAL,
        State.UNRECONCILED,
        State.GAP,
    ]


def test_a_gap_is_stale_at_once_a_provisional_month_after_three_hours_and_a_complete_one_never() -> None:
    now = datetime(2025, 9, 21, 12, tzinfo=timezone.utc)
    three_hours, moment = timedelta(hours=3), timedelta(seconds=1)
    assert replace(WHOLE, users_failed=1).is_stale(SETTLED)
    assert replace(WHOLE, users_failed=1).is_stale()
    assert not replace(WHOLE, read_at=now - three_hours).is_stale(now)
    assert replace(WHOLE, read_at=now - three_hours - moment).is_stale(now)
    assert not WHOLE.is_stale(SETTLED + timedelta(days=4000))
    unsettled = replace(WHOLE, read_at=now - three_hours - moment, sums=Check("differs"))
    assert (unsettled.state, unsettled.is_stale(now)) == (State.UNRECONCILED, True)


def test_its_text_holds_every_figure_under_its_name() -> None:
    told = json.loads(replace(WHOLE, users_failed=1, failed_users=("key-1",)).to_json())
    assert list(told)[:8] == [
        "state", "dataset", "month", "server", "demo", "route", "route_reason", "fetched_at",
    ]  # fmt: skip
    assert told["fetched_at"] == "2025-10-01T03:00:00Z"
    assert told["sums"] == {"result": "agrees", "how": "sums", "checked": 3, "why": "", "figures": {"rows": 2}}
    expected = {
        "state": "GAP",
        "month": "2025-09",
        "route": "team",
        "users_asked": 5930,
        "users_active": 347,
        "users_failed": 1,
        "failed_users": ["key-1"],
        "rows": 2,
        "flex_credits_hundredths": 12_545_000,
        "prompt_credits_hundredths": 700,
        "absent_values": 0,
        "quarantined_rows": 0,
        "unmapped_keys": 0,
        "requests_sent": 0,
        "requests_retried": 0,
        "rows_sha256": "ab" * 32,
    }
    assert {name: told[name] for name in expected} == expected
    assert {"cross_check", "balance", "witness"} <= set(told)


def test_its_text_is_for_people_too() -> None:
    text = replace(IMPORTED, notes=("Año",), read_at=SETTLED.replace(microsecond=7)).to_json()
    assert text.startswith("""\
{
  "state": "COMPLETE",
  "dataset": "usage",
  "month": "2025-09",
  "source": "import",
  "read_at": "2025-10-01T03:00:00Z",
  "rows_read": 1,
  "rows": 1,
  "quarantined_rows": 0,
""")
    assert "Año" in text


def test_what_is_not_said_is_nothing() -> None:
    told = json.loads(WHOLE.to_json()) | json.loads(IMPORTED.to_json())
    counts = [
        *("users_failed", "absent_values", "unmapped_keys", "requests_sent", "requests_retried", "requests_resumed"),
        *("duplicate_rows", "unpriced_rows", "rows_without_clp"),
    ]
    assert [told[name] for name in counts] == [0] * len(counts)
    assert told["demo"] is False
    assert told["sums"] == {"result": "not checked", "how": "", "checked": 0, "why": "", "figures": {}}


def test_a_source_says_how_late_its_calls_may_come() -> None:
    late = replace(IMPORTED, grace_seconds=7200)
    states = [replace(late, read_at=SETTLED - timedelta(hours=1, seconds=one)).state for one in (0, 1)]
    assert states == [State.COMPLETE, State.PROVISIONAL]
    assert replace(IMPORTED, read_at=SETTLED - timedelta(seconds=1)).state is State.PROVISIONAL


@pytest.mark.parametrize("certificate", [WHOLE, IMPORTED, replace(WHOLE, notes=("one", "two"), unmapped_users=("x",))])
def test_it_reads_what_it_writes(certificate: CreditsCertificate | UsageCertificate) -> None:
    again = parse_certificate(certificate.to_json())
    assert again == certificate
    assert again.to_json() == certificate.to_json()


CODED = Check(
    "differs", checked=10, figures={"rows": 3, "found": {"rows": 2}}, code="database", reasons=("counts_differ",)
)


def test_a_check_with_a_code_is_stored_with_its_sentences_for_whoever_reads_only_those() -> None:
    text = replace(IMPORTED, sums=CODED).to_json()
    assert json.loads(text)["sums"] == {
        "result": "differs",
        "how": "what the database counts and sums, against the written Parquet counted again",
        "checked": 10,
        "why": "rows is 2, not 3",
        "figures": {"rows": 3, "found": {"rows": 2}},
        "code": "database",
        "reasons": ["counts_differ"],
    }
    assert parse_certificate(text).checks["sums"] == CODED


def test_a_check_of_a_code_that_is_not_known_here_keeps_the_sentences_that_it_came_with() -> None:
    values = write_check(CODED) | {"code": "of a later version", "reasons": ["later"]}
    check = read_check(values)
    assert (describe_check(check), explain_check(check)) == (values["how"], "rows is 2, not 3")
    assert write_check(check) == values


def test_certificates_of_flexlib_0_1_0_say_what_they_said_then() -> None:
    data = Path(__file__).parent / "data"
    files = [*(data / "fixture" / "credits").rglob("certificate.json"), *(data / "before").rglob("certificate.json")]
    assert len(files) == 3
    for file in files:
        stored = json.loads(file.read_text("utf-8"))
        assert "dataset" not in stored
        told = json.loads(parse_certificate(file.read_text("utf-8")).to_json())
        assert told.pop("dataset") == file.parts[-4 if "credits" in file.parts else -5]
        new = {name: told.pop(name) for name in told.keys() - stored.keys()}
        assert told == stored
        # What was not counted then is not known, and decides nothing: one month lacks 46 of 423 prices.
        counted = {"requests": None, "unpriced_requests": None, "most_unpriced": "0.1"}
        assert new == ({} if "credits" in file.parts else {**counted, "at_least": True})


@pytest.mark.parametrize(
    ("requests", "unpriced", "most", "state"),
    [
        (100, 10, "0.1", State.COMPLETE),  # a tenth
        (100, 11, "0.1", State.GAP),
        (100, 11, "0.2", State.COMPLETE),
        (5, 5, "0.1", State.GAP),  # not one has a price
        (5, 5, "1", State.COMPLETE),
        (0, 0, "0.1", State.COMPLETE),
        (None, None, "0.1", State.COMPLETE),  # of a version before
    ],
)
def test_a_month_whose_money_is_unknown_for_more_than_a_tenth_of_its_requests_is_a_lower_bound(
    requests: int | None, unpriced: int | None, most: str, state: State
) -> None:
    counted = replace(IMPORTED, requests=requests, unpriced_requests=unpriced, most_unpriced=most)
    certificate = replace(counted, unpriced_rows=unpriced or 0)
    assert (certificate.state, certificate.is_at_least) == (state, bool(unpriced))
    assert json.loads(certificate.to_json())["at_least"] is bool(unpriced)
    assert parse_certificate(certificate.to_json()) == certificate
    assert not certificate.may_change  # a list that does not know a model does not learn it by reading again
    assert not certificate.is_stale(certificate.read_at + timedelta(days=9))


@pytest.mark.parametrize(("most", "state"), [("0.1", State.GAP), ("0.999", State.GAP), ("1", State.COMPLETE)])
def test_a_sum_of_unknown_size_without_a_price_may_be_any_share_of_the_month(most: str, state: State) -> None:
    counted = replace(IMPORTED, requests=1000, unpriced_requests=1, unpriced_rows=1, unsized_rows=1, most_unpriced=most)
    assert counted.state is state
    assert parse_certificate(counted.to_json()) == counted


@pytest.mark.parametrize(
    ("rows", "lacking", "amount", "tells"),
    [
        (2, 0, "0.5", True),
        (2, 1, "0.5", True),
        (2, 2, None, True),  # no row has an amount: that is known, and so is the sum's absence
        (2, 0, None, False),  # written before the sum was: it says nothing
        (2, 1, None, False),
        (0, 0, None, True),
    ],
)
def test_a_month_without_any_amount_says_so_and_one_that_does_not_say_is_told_from_it(
    rows: int, lacking: int, amount: str | None, tells: bool
) -> None:
    usd = replace(IMPORTED, rows=rows, unpriced_rows=lacking, amount_in_usd=amount, rows_without_clp=7)
    clp = replace(IMPORTED, rows=rows, rows_without_clp=lacking, amount_in_clp=amount, unpriced_rows=7)
    assert (usd.has_known_total("amount_in_usd"), clp.has_known_total("amount_in_clp")) == (tells, tells)


@given(st.datetimes(datetime(2025, 8, 1), datetime(2025, 12, 1), timezones=st.just(timezone.utc)))
def test_writing_it_down_never_makes_it_look_better(read_at: datetime) -> None:
    certificate = replace(WHOLE, read_at=read_at)
    assert list(State).index(parse_certificate(certificate.to_json()).state) <= list(State).index(certificate.state)


def test_a_month_is_as_of_the_earlier_of_the_two_clocks() -> None:
    hour = timedelta(hours=1)
    clocks = [replace(WHOLE, server_clock=(SETTLED + later).isoformat()) for later in (-hour, hour)]
    assert [one.as_of for one in [*clocks, WHOLE]] == [SETTLED - hour, SETTLED, SETTLED]


def test_a_sum_that_lacks_a_row_or_a_price_is_at_least() -> None:
    lacking = [{}, {"unpriced_rows": 1}, {"quarantined_rows": 1}]
    assert [replace(IMPORTED, **one).is_at_least for one in lacking] == [False, True, True]  # type: ignore[arg-type]


def test_a_month_whose_calls_were_not_counted_lacks_no_money() -> None:
    counts = [(None, None), (None, 5), (10, None), (10, 1), (10, 2)]
    found = [replace(IMPORTED, requests=calls, unpriced_requests=unpriced).lacks_money for calls, unpriced in counts]
    assert found == [False, False, False, False, True]


@pytest.mark.parametrize(
    ("seats", "listed"),
    [
        (300, ", seats of the team: 300"),
        ("1300", ", seats of the team: 1,300"),
        (11, ", seats of the team: 11"),
        (10, ""),  # as many as are listed
        (9, ""),
        (None, ""),  # the server does not say
        ("many", ""),
    ],
)
def test_a_list_of_fewer_people_than_the_team_has_seats_is_named_as_a_doubt(seats: object, listed: str) -> None:
    checks = {
        "sums": Check("not checked", why="none"),
        "independent_total": Check("not checked", why="404"),
        "balance": Check("not checked", why="other cycle", figures={} if seats is None else {"numSeats": seats}),
    }
    why = "no second figure of the server's confirms the total "
    why += "(sums: none; independent total: 404; balance: other cycle); "
    end = "fetch it again, or set FLEXLIB_NO_WITNESS=yes if the server offers none"
    assert explain_witness(checks, 10, "") == f"{why}people listed: 10{listed}; {end}"
    accepted = "OURS says that the server offers none"
    assert explain_witness(checks, 10, "OURS") == f"{why}people listed: 10{listed}; {accepted}"


UNPRICED = replace(IMPORTED, requests=100, unpriced_requests=30, unpriced_rows=3)
EARLY = SETTLED - timedelta(hours=1)


@pytest.mark.parametrize(
    ("models", "named"),
    [
        ([], ""),
        (["a"], "; without a price: a"),
        (["c", "a", "c", "b"], "; without a price: c, a, b"),
        ([*"dcba"], "; without a price: d, c, b and 1 more"),
        ([*"abcdef"], "; without a price: a, b, c and 3 more"),
    ],
)
def test_of_a_month_that_lacks_money_three_models_without_a_price_are_named(models: list[str], named: str) -> None:
    certificate = replace(UNPRICED, unpriced=tuple({"model": model, "rows": 1} for model in models))
    what = "30 of 100 calls have no price: the total in USD is at least what the others cost"
    assert explain_rows(certificate) == [f"{what}{named}"]


@pytest.mark.parametrize(
    ("certificate", "beginnings"),
    [
        (WHOLE, []),
        (IMPORTED, []),
        (replace(WHOLE, users_failed=1), ["1 user could not be read; flexlib certificate --year 2025 --month 9 says"]),
        # A row is missing and money too: what is missing is said first, the money is of the rest.
        (
            replace(UNPRICED, quarantined_rows=1),
            ["1 row could not be taken; flexlib certificate --year 2025 --month 9"],
        ),
        (replace(UNPRICED, read_at=EARLY), ["30 of 100 calls have no price"]),
        (replace(IMPORTED, read_at=EARLY), ["read on 1 Oct 2025, 02:00 UTC, before the month was settled"]),
        (replace(WHOLE, sums=Check("not checked")), ["no second figure of the server's confirms the total"]),
        (
            replace(IMPORTED, quarantined_rows=2, files=({"name": "a.csv", "quarantined": 2},)),
            ["2 rows of a.csv could not be taken; flexlib certificate --year 2025 --month 9 --source import"],
        ),
        (replace(WHOLE, sums=DIFFERS), []),  # sums that differ are told where they stand
    ],
)
def test_why_rows_are_not_whole_is_said_in_one_clause(
    certificate: CreditsCertificate | UsageCertificate, beginnings: list[str]
) -> None:
    said = explain_rows(certificate)
    assert len(said) == len(beginnings)
    assert all(one.startswith(beginning) for one, beginning in zip(said, beginnings, strict=True))


@pytest.mark.parametrize("name", ["sums", "independent_total", "balance"])
def test_one_figure_of_the_servers_that_agrees_confirms_the_total(name: str) -> None:
    alone = replace(WHOLE, sums=Check("not checked"))
    assert (alone.state, alone.state.exit_code) == (State.UNWITNESSED, 4)
    assert replace(alone, **{name: Check("agrees")}).state is State.COMPLETE  # type: ignore[arg-type]
    # The same list of people asked again confirms nothing: who is not on it is in neither.
    assert replace(alone, cross_check=Check("agrees")).state is State.UNWITNESSED


def test_a_server_that_offers_no_second_figure_may_be_accepted_and_nothing_else() -> None:
    alone, setting = replace(WHOLE, sums=Check("not checked")), {"accepted_by": "FLEXLIB_NO_WITNESS"}
    codes = [replace(one, **setting).exit_code  # type: ignore[arg-type]
             for one in (alone, WHOLE, replace(alone, users_failed=1), replace(alone, balance=DIFFERS))]  # fmt: skip
    assert codes == [0, 0, 3, 4]
    assert alone.exit_code == 4


def test_the_worst_of_some_months_is_that_of_all() -> None:
    assert find_worst([State.COMPLETE, State.UNRECONCILED, State.PROVISIONAL]) is State.UNRECONCILED
    assert find_worst([State.COMPLETE]) is State.COMPLETE


def test_what_a_ledger_has_not_closed_is_told_to_a_process_without_one_and_of_other_months_nothing() -> None:
    open_month = Unclosed("3 calls are not closed", is_gap=True)
    text = write_unclosed({SEPTEMBER: open_month}.get, [SEPTEMBER, SEPTEMBER.next])
    assert json.loads(text) == {"2025-09": ["3 calls are not closed", True]}
    look = read_unclosed(text)
    assert (look(SEPTEMBER), look(SEPTEMBER.next)) == (open_month, None)
