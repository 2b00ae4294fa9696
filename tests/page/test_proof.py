"""The proof on the page: everything the certificate says, nothing that names a person, and no other rows."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest
from report_samples import THINKING, certify, make_rows, read_words

from flexlib.analysis.credits import credits_statistics
from flexlib.certificate import CreditsCertificate, State
from flexlib.checks import Check
from flexlib.errors import BadRecord
from flexlib.page.credits.proof import list_missing, show_proof

ROWS = make_rows([(2, "ana", THINKING, 100, 100_000), (15, "ben", THINKING, 0, 20_050)])

KEY = "9b2e4c1a-0000-4000-8000-000000000001"


def read_facts(certificate: CreditsCertificate) -> dict[str, str]:
    html = show_proof(certificate, credits_statistics(ROWS)).text
    return {
        read_words(name): read_words(text)
        for name, text in re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html, re.DOTALL)
    }


def test_the_proof_of_a_whole_month() -> None:
    certificate = certify(
        ROWS,
        users_failed=0,
        absent_values=12,
        unmapped_keys=1,
        requests_sent=44,
        requests_retried=2,
        independent_total=Check("agrees", "the month's total by the consumption endpoint (v2alpha)", 2),
    )
    assert read_facts(certificate) == {
        "✓ People asked, read, not read": "5,930 · 5,930 · 0",
        "People with use": "2",
        "Asked by": "one query for the whole team: the first choice, and the server answered it",
        "✓ This page and the certificate": "2 rows, 1,200.50 flex and 1.00 prompt credits on both",
        "✓ The rows and the server's own sum": "agrees (3 compared): one way against another",
        "✓ People asked a second time": "agrees (3 compared): one way against another",
        "✓ An independent total": "agrees (2 compared): the month's total by the consumption endpoint (v2alpha)",
        "– The team's balance": "not checked – the billing cycle is 2025-09-12 to 2025-10-11, not the month",
        "✓ Absent values, unreadable rows, keys not on the list": "12 · 0 · 1",
        "Requests sent, repeated, taken over": "44 · 2 · 0",
        "Data as of": "3 Oct 2025, 06:00 UTC",
        "Server": "server.codeium.com",
        "Rows' SHA-256": "0" * 64,
        "flexlib": "0.1.0",
    }


@pytest.mark.parametrize(
    ("changes", "state", "heading"),
    [
        ({}, State.COMPLETE, "Why you can trust the total"),
        ({"users_failed": 3}, State.GAP, "What is missing from the total"),
        ({"balance": Check("differs", why="x")}, State.UNRECONCILED, "What does not agree, or may count twice"),
        (
            {"read_at": datetime(2025, 9, 30, 23, tzinfo=timezone.utc)},
            State.PROVISIONAL,
            "What the total rests on, so far",
        ),
    ],
)
def test_the_heading_follows_the_state(changes: dict[str, object], state: State, heading: str) -> None:
    certificate = certify(ROWS, **changes)
    assert certificate.state is state
    assert f"<h2>{heading}</h2>" in show_proof(certificate, credits_statistics(ROWS)).text


def test_who_failed_is_a_cross_and_not_a_tick() -> None:
    assert read_facts(certify(ROWS, users_failed=3))["× People asked, read, not read"] == "5,930 · 5,927 · 3"


def test_each_reason_is_listed_when_there_are_several() -> None:
    certificate = certify(
        ROWS,
        users_failed=1,
        quarantined_rows=2,
        independent_total=Check("differs", why="it says 1.00"),
        read_at=datetime(2025, 9, 11, 14, tzinfo=timezone.utc),
    )
    assert [sentence.split(" ")[0] for sentence in list_missing(certificate)] == ["1", "2", "An", "It"]


def test_a_key_in_the_words_of_the_server_is_not_shown() -> None:
    certificate = certify(ROWS, cross_check=Check("differs", why=f"user {KEY} differs"), notes=(f"About {KEY}.",))
    html = show_proof(certificate, credits_statistics(ROWS)).text
    assert "user [key] differs" in html
    assert KEY not in html


def test_figures_of_a_check_which_may_hold_keys_are_not_shown() -> None:
    certificate = certify(
        ROWS, cross_check=Check("differs", why="1 user differs", figures={"differing_users": ["k-77"]})
    )
    assert "k-77" not in show_proof(certificate, credits_statistics(ROWS)).text


def test_rows_that_are_not_those_of_the_certificate_are_refused() -> None:
    with pytest.raises(
        BadRecord, match=r"are not those of its certificate: .* \(2, 120050, 100\), it says \(2, 120049, 100\)"
    ):
        show_proof(certify(ROWS, flex_credits_hundredths=120_049), credits_statistics(ROWS))


def test_what_the_server_says_is_text_and_never_markup() -> None:
    html = show_proof(certify(ROWS, route_reason="<img src=//x>"), credits_statistics(ROWS)).text
    assert "<img" not in html
