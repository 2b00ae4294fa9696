"""Why a month is not whole, in one sentence; and the exit code that goes with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from flexlib.certificate import CreditsCertificate, UsageCertificate
from flexlib.checks import Check
from flexlib.cli.options import find_exit_code, warn_of_state
from flexlib.console.certificate import explain_state
from flexlib.dates import Month

WHOLE = CreditsCertificate(
    month=Month(2025, 9),
    read_at=datetime(2025, 11, 1, tzinfo=timezone.utc),
    rows=2,
    quarantined_rows=0,
    rows_sha256="ab" * 32,
    server="https://server.codeium.com",
    route="team",
    users_asked=10,
    users_active=2,
    flex_credits_hundredths=300,
    prompt_credits_hundredths=0,
)
IMPORTED = UsageCertificate(
    month=Month(2025, 10),
    read_at=datetime(2025, 12, 1, tzinfo=timezone.utc),
    rows=2,
    quarantined_rows=0,
    rows_sha256="cd" * 32,
    source="import",
    rows_read=2,
    prompt_tokens=2,
    completion_tokens=2,
)


def fail(*users: str, rows: int = 0) -> CreditsCertificate:
    return replace(WHOLE, users_failed=len(users), failed_users=users, quarantined_rows=rows)


@pytest.mark.parametrize(
    ("certificate", "text"),
    [
        (fail("ana"), "1 user could not be read (ana): the total is a lower bound; run flexlib fetch again."),
        (fail(rows=1), "1 row could not be taken: the total is a lower bound; run flexlib fetch again."),
        (
            fail("ana", "leo", rows=3),
            "2 users could not be read (ana, leo) and 3 rows could not be taken: "
            "the total is a lower bound; run flexlib fetch again.",
        ),
        (
            fail(*"abcde"),
            "5 users could not be read (a, b, c, d, e): the total is a lower bound; run flexlib fetch again.",
        ),
        (
            fail(*"abcdef", rows=1),
            "6 users could not be read (a, b, c, d, e ...) and 1 row could not be taken: "
            "the total is a lower bound; run flexlib fetch again.",
        ),
        (
            replace(IMPORTED, quarantined_rows=2),
            "2 rows could not be taken: the total is a lower bound; "
            "fix the rows in their file and import it with --replace.",
        ),
        (
            replace(WHOLE, read_at=datetime(2025, 9, 9, tzinfo=timezone.utc)),
            "it was read before the month was over and settled; the total will still grow.",
        ),
        (
            replace(
                WHOLE,
                sums=Check("differs", why="by 3"),
                balance=Check("agrees", why="no"),
                independent_total=Check("differs", why="by 4"),
            ),
            "sums: by 3; independent total: by 4.",
        ),
    ],
)
def test_a_month_that_is_not_whole_says_all_that_it_lacks(
    certificate: CreditsCertificate | UsageCertificate, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain_state(certificate) == text
    warn_of_state([WHOLE, certificate])
    assert capsys.readouterr().err == f"{certificate.month} is {certificate.state}: {text}\n"


def test_the_exit_code_is_that_of_the_worst_month() -> None:
    early = replace(WHOLE, read_at=datetime(2025, 9, 9, tzinfo=timezone.utc))
    differs = replace(WHOLE, sums=Check("differs", why="by 3"))
    gap = fail("ana", rows=3)
    months = [[], [WHOLE], [early, WHOLE], [WHOLE, differs, early], [differs, gap], [gap, WHOLE]]
    assert [find_exit_code(certificates) for certificates in months] == [0, 0, 0, 4, 3, 3]
