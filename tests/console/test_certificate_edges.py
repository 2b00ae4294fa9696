"""A certificate as a terminal shows it where the server's clock is behind, or nothing confirms a total."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from flexlib.certificate import CreditsCertificate, State, UsageCertificate
from flexlib.checks import Check
from flexlib.console.certificate import explain_state, render_certificate
from flexlib.dates import Month

CREDITS = CreditsCertificate(
    month=Month(2025, 9), read_at=datetime(2025, 11, 1, tzinfo=timezone.utc), rows=2, quarantined_rows=0,
    rows_sha256="ab" * 32, server="https://server.codeium.com", route="team", users_asked=10, users_active=2,
    flex_credits_hundredths=300, prompt_credits_hundredths=0, sums=Check("agrees"),
)  # fmt: skip


def test_a_month_that_is_early_by_the_servers_clock_alone_says_what_that_showed() -> None:
    early = replace(CREDITS, server_clock="2025-09-30T12:34:00+00:00")
    assert early.state is State.PROVISIONAL
    assert explain_state(early) == (
        "by the server's clock, 30 Sep 2025, 12:34 UTC, it was read before the month was over and settled; "
        "the total will still grow."
    )


def test_a_total_that_nothing_confirms_says_so_in_a_sentence() -> None:
    alone = replace(CREDITS, sums=Check("not checked"))
    said = explain_state(alone)
    assert alone.state is State.UNWITNESSED
    assert said.startswith("no second figure of the server's confirms the total (")
    assert said.endswith("or set FLEXLIB_NO_WITNESS=yes if the server offers none.")


def test_a_rate_whose_source_nobody_told_stands_without_one() -> None:
    rate = {"day": "2025-09-01", "value": "950.5", "source": None, "rows": 1}
    shown = render_certificate(
        UsageCertificate(
            month=Month(2025, 9), read_at=datetime(2025, 11, 1, tzinfo=timezone.utc), rows=1, quarantined_rows=0,
            rows_sha256="cd" * 32, source="import", rows_read=1, prompt_tokens=2, completion_tokens=2, rates=(rate,),
        )
    )  # fmt: skip
    assert "2025-09-01 950.5 \n" in shown or "2025-09-01 950.5\n" in shown
