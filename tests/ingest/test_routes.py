"""The four routes to a month, each against the demo server's processes: the same credits, or a no, never less."""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import (
    COMPANY,
    CONSUMPTION,
    QUERIES,
    SEPTEMBER,
    Answer,
    Request,
    count_requests,
    forward,
    read_credits,
    serve,
    sum_credits,
    sum_rows,
)

from flexlib.certificate import CreditsCertificate, State
from flexlib.checks import explain_check
from flexlib.demo import Company, demo_server
from flexlib.errors import FlexlibError, RouteRefused, ServerRefused, UnsupportedTeam
from flexlib.i18n import speak
from flexlib.ingest.windsurf.routes import ROUTES
from flexlib.store.server import read_server
from flexlib.store.snapshots import find_snapshot, list_snapshots
from flexlib.store.version import Snapshot
from flexlib.stored_notes import tell_route

Demo = Callable[..., str]
Fetch = Callable[..., Snapshot]

ALL = ["team", "batch", "user", "consumption"]
PROMPT, FLEX = sum_rows(sum_credits())
ROWS = COMPANY.read_ledger(SEPTEMBER).rows
BUSIEST, SECOND = COMPANY.rank_spenders(SEPTEMBER)[:2]
OF_BUSIEST = COMPANY.read_ledger(SEPTEMBER).by_key[BUSIEST]
FAULTS = ("--share-503", "0.05", "--share-cut", "0.02", "--share-truncated", "0.02", "--rate-limit", "100")

pytestmark = pytest.mark.usefixtures("hurry")


def certify(snapshot: Snapshot) -> CreditsCertificate:
    assert isinstance(snapshot.certificate, CreditsCertificate)
    return snapshot.certificate


def read_raw(snapshot: Snapshot) -> str:
    return gzip.decompress((snapshot.path / "raw" / "answers.jsonl.gz").read_bytes()).decode()


def drop_user(key: str) -> dict[str, int]:
    """What the certificate must say when all of this user's rows are missing."""
    rest = {place: value for place, value in sum_credits().items() if place[1] != key}
    prompt, flex = sum_rows(rest)
    return {"flex_credits_hundredths": flex, "prompt_credits_hundredths": prompt, "rows": len(rest)}


def test_the_routes_are_tried_in_this_order() -> None:
    assert list(ROUTES) == ALL


@pytest.mark.parametrize("route", ALL)
def test_every_route_gives_the_same_day_user_model_and_credits(route: str, demo: Demo, fetch: Fetch) -> None:
    snapshot = fetch(demo(), route)
    certificate = certify(snapshot)
    assert read_credits(snapshot) == sum_credits()
    assert (certificate.state, certificate.route) == (State.COMPLETE, route)
    assert (certificate.prompt_credits_hundredths, certificate.flex_credits_hundredths) == (PROMPT, FLEX)
    assert (certificate.users_asked, certificate.users_active) == (300, len(COMPANY.rank_spenders(SEPTEMBER)))
    counted = snapshot.frame["requests"]
    assert counted.isna().all() if route == "consumption" else counted.sum() == len(ROWS)


@pytest.mark.parametrize("route", ALL)
def test_faults_change_no_hundredth(route: str, demo: Demo, fetch: Fetch) -> None:
    snapshot = fetch(demo(*FAULTS), route, workers=50)
    assert read_credits(snapshot) == sum_credits()
    assert snapshot.certificate.state.exit_code == 0
    if route == "user":
        assert certify(snapshot).requests_retried > 20


@pytest.mark.parametrize("route", ["user", "batch"])
def test_a_user_who_always_fails_is_a_gap_with_his_name_and_the_rest_is_kept(
    route: str, demo: Demo, fetch: Fetch
) -> None:
    certificate = certify(fetch(demo("--failing-user", BUSIEST), route))
    assert (certificate.state, certificate.state.exit_code) == (State.GAP, 3)
    assert (certificate.users_failed, certificate.failed_users) == (1, (BUSIEST,))
    expected = drop_user(BUSIEST)
    assert {name: getattr(certificate, name) for name in expected} == expected
    assert certificate.sums.result == "not checked"


def test_a_team_answer_cut_short_is_noticed_stepped_down_from_told_and_remembered(fetch: Fetch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with demo_server("--users", "300", "--max-items-query", "300", "--request-log", str(log)) as url:
        first = certify(fetch(url))
        sent = count_requests(log)
        second = certify(fetch(url))
        queries = [json.loads(line)["queries"] for line in log.read_text().splitlines()]
    assert (first.state, first.route, first.flex_credits_hundredths) == (State.COMPLETE, "batch", FLEX)
    assert first.route_reason.startswith("team was refused (the answer is cut short: it holds ")
    assert first.route_reason.endswith(f"the server's own sum is {len(ROWS)} rows with 9,197.50); batch was taken")
    assert (second.state, second.route, second.flex_credits_hundredths) == (State.COMPLETE, "batch", FLEX)
    assert "team was refused on 20" in second.route_reason
    assert 2 in queries[:sent]
    assert 2 not in queries[sent:]  # no request of the team's two queries


def test_what_is_stored_of_a_fetch_is_the_same_in_every_language(demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    url = demo("--max-items-query", "300")
    found, refused = {}, {}
    for code in ("en", "es"):
        data = tmp_path / code
        with speak(code):
            fetch(url, data=data, verify=0)
            fetch(url, "consumption", data=data, verify=0)
        versions = list_snapshots("credits", SEPTEMBER, data)
        found[code] = [dataclasses.replace(certify(one), read_at=SEPTEMBER.end).to_json() for one in versions]
        refused[code] = read_server(data)["refused"]["team"]["why"]
    assert (found["es"], refused["es"]) == (found["en"], refused["en"])
    assert "so that number is now unknown" in "".join(found["es"])


def test_a_response_cut_short_on_team_and_batch_ends_on_user(demo: Demo, fetch: Fetch) -> None:
    certificate = certify(fetch(demo("--max-items-response", "275"), workers=2))
    assert (certificate.state, certificate.route, certificate.flex_credits_hundredths) == (State.COMPLETE, "user", FLEX)
    assert "batch was refused (its proof fails" in certificate.route_reason
    with speak("es"):
        told = tell_route(certificate.route_reason)
    assert "batch fue rechazada (su prueba falla, " in told
    assert re.search(r"\b(the|was|rows|alone|sums|check)\b", told) is None


def test_a_reason_kept_from_an_earlier_run_is_told_in_the_readers_language_where_no_route_holds(fetch: Fetch) -> None:
    with speak("es"):
        with demo_server("--users", "300", "--max-items-response", "275") as url:
            fetch(url, workers=2)
        with (
            demo_server("--users", "300", "--consumption-limit", "2", "--data-source-gone") as url,
            pytest.raises(RouteRefused) as no,
        ):
            fetch(url)
    assert re.search(r": team fue rechazada el 20[\d-]+ \(la respuesta está cortada: tiene ", str(no.value))
    assert re.search(r"; batch fue rechazada el 20[\d-]+ \(su prueba falla, ", str(no.value))
    assert re.search(r"\b(the|was|rows|alone|sums|check)\b", str(no.value).partition("; user ")[0]) is None
    assert "team was refused on 20" in no.value.english


@pytest.mark.parametrize("option", ["--max-items-query", "--max-items-response"])
def test_team_alone_cut_short_stores_nothing_with_exit_code_4(
    option: str, demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    with pytest.raises(RouteRefused, match=r"the answer is cut short: .* Nothing was stored\.") as refused:
        fetch(demo(option, "275"), "team")
    assert refused.value.exit_code == 4
    assert find_snapshot("credits", SEPTEMBER, tmp_path / "data") is None


@pytest.mark.parametrize("route", ["user", "batch"])
def test_a_heavy_user_cut_short_shows_in_the_cross_check_where_no_sum_and_no_independent_total_is_to_be_had(
    route: str, demo: Demo, fetch: Fetch
) -> None:
    alone = ("--max-items-query", "200", "--refuse-aggregation", "--deny", "consumption")
    certificate = certify(fetch(demo(*alone), route))
    assert (certificate.state, certificate.state.exit_code) == (State.UNRECONCILED, 4)
    assert (certificate.sums.result, certificate.independent_total.result) == ("not checked", "not checked")
    assert certificate.cross_check.result == "differs"
    assert certificate.cross_check.figures["differing_users"] == [BUSIEST]


def test_a_heavy_user_cut_short_on_every_route_of_v1_is_read_from_consumption(demo: Demo, fetch: Fetch) -> None:
    certificate = certify(fetch(demo("--max-items-query", "200")))
    assert (certificate.state, certificate.route) == (State.COMPLETE, "consumption")
    assert certificate.flex_credits_hundredths == FLEX


def test_aggregation_refused_ends_on_batch(demo: Demo, fetch: Fetch) -> None:
    snapshot = fetch(demo("--refuse-aggregation"))
    assert read_credits(snapshot) == sum_credits()
    certificate = certify(snapshot)
    assert (certificate.state, certificate.route, certificate.sums.result) == (State.COMPLETE, "batch", "not checked")
    assert certificate.route_reason == (
        "team was refused (HTTP 400: invalid aggregation function for string type field prompts_used: "
        "QUERY_AGGREGATION_SUM); batch was taken"
    )


def test_a_data_source_that_is_gone_ends_on_consumption_without_asking_for_each_user(
    demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with demo_server("--users", "300", "--data-source-gone", "--request-log", str(log)) as url:
        snapshot = fetch(url, unit="credits", verify=20)
        assert count_requests(log, QUERIES) == 1 + 1 + 40  # team, its sum, 20 users in halves as a check
        again = fetch(url, unit="credits", verify=0)
    assert read_credits(snapshot) == read_credits(again) == sum_credits()
    assert (certify(snapshot).route, snapshot.certificate.state) == ("consumption", State.COMPLETE)
    assert count_requests(log, QUERIES) < 42 + 30


def test_fewer_queries_a_request_than_were_sent_are_found_and_kept_to(fetch: Fetch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with demo_server("--users", "300", "--max-queries", "7", "--request-log", str(log)) as url:
        snapshot = fetch(url, "batch", workers=2, verify=0)
    assert read_credits(snapshot) == sum_credits()
    sizes = [json.loads(line)["queries"] for line in log.read_text().splitlines()]
    assert 5 <= max(sizes[-20:]) <= 7
    assert len(sizes) < 100


@pytest.mark.parametrize("route", ["user", "batch"])
def test_a_400_to_a_single_user_stops_the_run_and_stores_nothing(
    route: str, demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    said = rf"refused to answer for the user {BUSIEST} \(HTTP 400: invalid value of the filter on api_key: {BUSIEST}\)"
    with pytest.raises(ServerRefused, match=said) as refused:
        fetch(demo("--refused-user", BUSIEST), route)
    assert refused.value.exit_code == 1
    assert find_snapshot("credits", SEPTEMBER, tmp_path / "data") is None


@pytest.mark.parametrize("route", ["auto", *ALL])
def test_a_wrong_key_stops_the_run_and_stores_nothing(route: str, demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    with pytest.raises(ServerRefused, match=r"\(HTTP 401: Invalid service key\)\. Give it the permission") as refused:
        fetch(demo(), route, key="another-key")
    assert refused.value.exit_code == 1
    assert find_snapshot("credits", SEPTEMBER, tmp_path / "data") is None


@pytest.mark.parametrize(
    ("denied", "route", "permission"),
    [
        ("users", "auto", "Teams Read-Only"),
        ("analytics", "auto", "Analytics Read"),
        ("analytics", "user", "Analytics Read"),
        ("consumption", "consumption", "Analytics Read"),
    ],
)
def test_a_permission_that_is_missing_stops_the_run_by_its_name(
    denied: str, route: str, permission: str, demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    said = rf"\(HTTP 403: Insufficient permissions\)\. Give it the permission '{permission}'"
    with pytest.raises(ServerRefused, match=said):
        fetch(demo("--deny", denied), route)
    assert find_snapshot("credits", SEPTEMBER, tmp_path / "data") is None


def test_the_route_that_replaces_v1_does_not_need_it(demo: Demo, fetch: Fetch) -> None:
    snapshot = fetch(demo("--deny", "analytics"), "consumption", unit="credits")
    assert read_credits(snapshot) == sum_credits()
    assert certify(snapshot).cross_check.result == "not checked"


@pytest.mark.parametrize("route", ["team", "consumption"])
def test_keys_that_spend_and_are_not_on_the_list_are_in_the_total_as_unmapped(
    route: str, demo: Demo, fetch: Fetch
) -> None:
    company = Company(2025, 300, unlisted=2)
    prompt, flex = sum_rows(sum_credits(SEPTEMBER, company))
    assert flex > FLEX
    snapshot = fetch(demo("--unlisted-keys", "2"), route)
    certificate = certify(snapshot)
    assert (certificate.state, certificate.unmapped_keys) == (State.COMPLETE, 2)
    assert (certificate.prompt_credits_hundredths, certificate.flex_credits_hundredths) == (prompt, flex)
    listed = {person.key for person in company.people}
    found = read_credits(snapshot)
    assert {place: spent for place, spent in found.items() if place[1] in listed} == sum_credits()
    assert set(certificate.unmapped_users) == {user for _, user, _ in found} - listed
    if route == "team":
        assert set(certificate.unmapped_users) == {person.key for person in company.unlisted}


@pytest.mark.parametrize("route", ["batch", "user"])
def test_keys_that_are_not_on_the_list_are_no_secret_of_the_routes_that_cannot_see_them(
    route: str, demo: Demo, fetch: Fetch
) -> None:
    certificate = certify(fetch(demo("--unlisted-keys", "2"), route))
    assert (certificate.state, certificate.flex_credits_hundredths) == (State.UNRECONCILED, FLEX)
    assert "a key that is not on the list of people may have spent it" in explain_check(certificate.sums)
    alone = ("--unlisted-keys", "2", "--refuse-aggregation", "--deny", "consumption")
    blind = certify(fetch(demo(*alone), route))
    assert blind.notes == (
        "This route asks only the people on the list: a key that spends and is not on it would not show.",
    )


def test_where_another_total_agrees_there_is_nothing_to_warn_of(demo: Demo, fetch: Fetch) -> None:
    assert certify(fetch(demo(), "user")).notes == ()
    assert certify(fetch(demo("--refuse-aggregation"), "user")).notes == ()


@pytest.mark.parametrize("route", ALL)
def test_an_absent_number_is_a_zero_that_is_counted(route: str, demo: Demo, fetch: Fetch) -> None:
    snapshot = fetch(demo("--nil-numbers", "0.4", "--nil-models", "0.2"), route)
    company = Company(2025, 300, nil_models=0.2)
    assert read_credits(snapshot) == sum_credits(SEPTEMBER, company)
    assert "<nil>" in {model for _, _, model in read_credits(snapshot)}
    certificate = certify(snapshot)
    assert certificate.state is State.COMPLETE
    assert certificate.absent_values > 0 or route == "consumption"  # its zeros are numbers


@pytest.mark.parametrize("route", ["auto", *ALL])
def test_garbage_is_quarantined_with_its_raw_text_and_costs_nobody_else(route: str, demo: Demo, fetch: Fetch) -> None:
    snapshot = fetch(demo("--garbage-user", BUSIEST), route, verify=30)
    certificate = certify(snapshot)
    assert (certificate.state, certificate.state.exit_code) == (State.GAP, 3)
    assert certificate.route == ("team" if route == "auto" else route)
    expected = drop_user(BUSIEST)
    assert {name: getattr(certificate, name) for name in expected} == expected
    groups = len({(row.day, row.model) for row in OF_BUSIEST})
    assert certificate.quarantined_rows == (len(OF_BUSIEST) if route in ("user", "batch") else groups)
    lines = [json.loads(line) for line in read_raw(snapshot).splitlines()]
    kept = [line for line in lines if line["purpose"] == "quarantined"]
    assert len(kept) == certificate.quarantined_rows
    for garbage in ("abc", "-5", "NaN"):
        assert any(f"is '{garbage}', not a" in line["why"] and garbage in json.dumps(line["item"]) for line in kept)


@pytest.mark.parametrize("route", ALL)
@pytest.mark.parametrize(
    ("option", "why"), [("--outside-user", "day '2019-12-31' is not"), ("--undated-user", "no day")]
)
def test_a_row_of_another_day_or_of_none_is_quarantined(
    option: str, why: str, route: str, demo: Demo, fetch: Fetch
) -> None:
    snapshot = fetch(demo(option, SECOND), route)
    certificate = certify(snapshot)
    assert (certificate.state, certificate.quarantined_rows) == (State.GAP, 1)
    found, truth = read_credits(snapshot), sum_credits()
    changed = {place for place in truth if found.get(place) != truth[place]}
    assert len(changed) == 1
    assert {user for _, user, _ in changed} == {SECOND}
    assert why in read_raw(snapshot)


def test_a_month_whose_requests_were_counted_says_what_a_route_that_counts_none_drops(
    demo: Demo, fetch: Fetch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = demo()
    for route, is_told in (("consumption", False), ("team", False), ("consumption", True), ("consumption", False)):
        found = certify(fetch(server, route))
        said = [note for note in found.notes if "counts none" in note]
        sentence = (
            f"The version of 2025-09 stored before counts {len(ROWS):,} requests, by the route team; the route "
            "consumption counts none, so that number is now unknown. Read the month with --route team to have it again."
        )
        assert said == [sentence] * is_told
        assert ("counts none" in capsys.readouterr().err) is is_told


def test_pages_of_the_consumption_endpoint_are_put_together(demo: Demo, fetch: Fetch) -> None:
    url, pages = demo(), 0

    def narrow(request: Request) -> Answer:
        nonlocal pages
        target = request.target.replace("page_size=10000", "page_size=100")
        answer = forward(url, dataclasses.replace(request, target=target))
        pages += "group_by" in target
        return answer

    with serve(narrow) as door:
        snapshot = fetch(door, "consumption")
    assert read_credits(snapshot) == sum_credits()
    assert pages == len(sum_credits()) // 100 + 1


def test_a_page_lost_on_the_way_is_a_cut_that_is_refused(demo: Demo, fetch: Fetch) -> None:
    def drop(request: Request) -> Answer:
        answer = forward(demo(), request)
        if request.path != CONSUMPTION or "group_by" not in request.target:
            return answer
        value = answer.read()
        value["data"] = value["data"][:100]
        return dataclasses.replace(answer, text=json.dumps(value).encode())

    with serve(drop) as door, pytest.raises(RouteRefused, match="the answer is cut short: its rows hold") as refused:
        fetch(door, "consumption")
    assert refused.value.exit_code == 4


@pytest.mark.parametrize("unit", ["credits", "hundredths"])
def test_the_unit_of_consumption_is_settled_by_the_same_months_total(unit: str, demo: Demo, fetch: Fetch) -> None:
    snapshot = fetch(demo("--consumption-unit", unit), "consumption")
    assert read_credits(snapshot) == sum_credits()
    said = f"The consumption endpoint's numbers are {unit}: the same month's total by /Analytics is the same."
    assert certify(snapshot).notes == (said,)


@pytest.mark.parametrize("unit", ["credits", "hundredths"])
def test_the_unit_is_settled_by_the_current_cycle_where_v1_is_gone(unit: str, demo: Demo, fetch: Fetch) -> None:
    server = demo("--consumption-unit", unit, "--data-source-gone", "--billing-cycle", "2025-09")
    snapshot = fetch(server, "consumption", verify=0)
    assert read_credits(snapshot) == sum_credits()
    assert f"numbers are {unit}: the current billing cycle's use" in certify(snapshot).notes[0]


def test_the_unit_is_remembered_from_an_earlier_month(demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    fetch(demo("--consumption-unit", "hundredths"))
    assert read_server(tmp_path / "data")["unit"] == "hundredths"
    later = demo("--consumption-unit", "hundredths", "--data-source-gone", "--deny", "balance")
    snapshot = fetch(later, "consumption", verify=0)
    assert read_credits(snapshot) == sum_credits()
    unit, fewer = certify(snapshot).notes
    assert unit == "The consumption endpoint's numbers are hundredths: so they were in an earlier month."
    assert fewer.startswith("The version of 2025-09 stored before counts 805 requests, by the route team; the route ")


def test_the_unit_is_taken_from_the_setting_and_refused_without_it(demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    mute = demo("--data-source-gone", "--deny", "balance")
    with pytest.raises(
        RouteRefused, match="nothing tells whether the consumption endpoint counts credits or hundredths"
    ):
        fetch(mute, "consumption")
    assert find_snapshot("credits", SEPTEMBER, tmp_path / "data") is None
    snapshot = fetch(mute, "consumption", unit="credits")
    assert read_credits(snapshot) == sum_credits()
    assert "WINDSURF_CONSUMPTION_UNIT says so" in certify(snapshot).notes[0]


def test_a_month_of_nothing_needs_no_unit(demo: Demo, fetch: Fetch) -> None:
    def empty(request: Request) -> Answer:
        answer = forward(demo("--data-source-gone", "--deny", "balance"), request)
        if request.path != CONSUMPTION:
            return answer
        return dataclasses.replace(answer, text=json.dumps({**answer.read(), "data": []}).encode())

    with serve(empty) as door:
        certificate = certify(fetch(door))
    assert (certificate.state, certificate.route, certificate.rows) == (State.COMPLETE, "consumption", 0)


def test_a_setting_that_the_numbers_contradict_is_refused(demo: Demo, fetch: Fetch) -> None:
    with pytest.raises(RouteRefused, match=r"is not a whole number of hundredths|cannot be in hundredths"):
        fetch(demo("--data-source-gone", "--deny", "balance"), "consumption", unit="hundredths")


@pytest.mark.parametrize("strategy", ["ACU", "QUOTA"])
def test_a_team_billed_otherwise_is_one_sentence_and_never_zeros(
    strategy: str, demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    said = f"The team is billed in {strategy}, not in credits"
    with pytest.raises(UnsupportedTeam, match=said) as refused:
        fetch(demo("--billing-strategy", strategy), "consumption")
    assert refused.value.exit_code == 1

    def forget(request: Request) -> Answer:
        """Of such a team v1 has no credits."""
        answer = forward(demo("--billing-strategy", strategy), request)
        if request.path != QUERIES or answer.status != 200:
            return answer
        return dataclasses.replace(
            answer, text=json.dumps({"queryResults": [{}] * len(request.body["query_requests"])}).encode()
        )

    with serve(forget) as door:
        for route in ("auto", "team", "batch", "user"):
            with pytest.raises(UnsupportedTeam, match=said):
                fetch(door, route)
    assert find_snapshot("credits", SEPTEMBER, tmp_path / "data") is None


def test_the_hourly_limit_is_told_with_its_time_and_is_not_held_against_the_route(
    demo: Demo, fetch: Fetch, tmp_path: Path
) -> None:
    with demo_server("--users", "300", "--consumption-limit", "2", "--data-source-gone") as url:
        with pytest.raises(FlexlibError, match=r"429 Too Many Requests; it may be asked again in 3,\d\d\d seconds"):
            fetch(url)  # the independent total, the rows; the total is one too many
        assert set(read_server(tmp_path / "data")["refused"]) == {"team"}
    snapshot = fetch(demo("--data-source-gone"), unit="credits")
    assert certify(snapshot).route == "consumption"
    assert read_credits(snapshot) == sum_credits()


@pytest.mark.parametrize("route", ALL)
def test_no_e_mail_and_no_name_is_in_raw(route: str, demo: Demo, fetch: Fetch) -> None:
    snapshot = fetch(demo("--unlisted-keys", "2", "--garbage-user", BUSIEST), route)
    raw = read_raw(snapshot)
    assert len(raw) > 1000
    assert "@" not in raw
    company = Company(2025, 300, unlisted=2)
    told = [person for person in company.people + company.unlisted if person.email in raw or person.name in raw]
    assert told == []
    assert snapshot.people[BUSIEST]["email"] == company.find_person(BUSIEST).email
