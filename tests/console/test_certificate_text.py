"""Why a month is not whole, in one sentence; and the exit code that goes with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from flexlib.certificate import ChargesCertificate, CreditsCertificate, UsageCertificate
from flexlib.checks import Check
from flexlib.cli.options import find_exit_code, warn_of_state
from flexlib.console.certificate import explain_state, render_certificate
from flexlib.dates import Month
from flexlib.sources.registry import ALL_PAGES

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
    sums=Check("agrees"),
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
            "fix the rows in their file and import it with --supersedes and its name.",
        ),
        (
            replace(
                IMPORTED,
                quarantined_rows=2,
                requests=10,
                unpriced_requests=5,
                files=tuple(
                    {"name": name, "quarantined": rows}
                    for name, rows in (("a b.csv", 1), ("whole.csv", 0), ("c.csv", 1))
                ),
            ),
            "2 rows could not be taken: the total is a lower bound; "
            "fix the rows in their file and import it with --supersedes 'a b.csv' --supersedes c.csv and the "
            "options by which it was imported.",
        ),
        (
            replace(IMPORTED, requests=10, unpriced_requests=5),
            "5 of 10 calls have no price: the total in USD is at least what the others cost; "
            "the certificate says of which models, and why.",
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


def test_a_month_of_credits_is_a_line_for_each_fact() -> None:
    certificate = replace(
        fail("ana", "leo", rows=1234),
        route_reason="the first choice",
        rows=4321,
        absent_values=5,
        unmapped_keys=2,
        requests_sent=1500,
        requests_retried=20,
        requests_resumed=3,
        flex_credits_hundredths=7523450,
        prompt_credits_hundredths=1,
        sums=Check("agrees", how="rows with sums", checked=5930),
        balance=Check("differs", how="with the balance", why="by 3"),
        independent_total=Check("not checked", why="no consumption"),
        notes=("One.", "Two."),
    )
    assert render_certificate(certificate) == (
        "CERTIFICATE - SEPTEMBER 2025\n"
        "  State           GAP\n"
        "  Read            2025-11-01 00:00 UTC\n"
        "  Server          https://server.codeium.com\n"
        "  Route           team (the first choice)\n"
        "  Users           10 asked, 2 active, 2 failed\n"
        "  Failed users    ana, leo\n"
        "  Rows            4,321 (5 absent values, 1,234 quarantined)\n"
        "  Flex credits    75,234.50\n"
        "  Prompt credits  0.01\n"
        "  Unmapped keys   2\n"
        "  Requests        1,500 sent, 20 retried, 3 resumed\n"
        "  Sums            agrees (5,930 compared): rows with sums\n"
        "  Cross check     not checked: \n"
        "  Other endpoint  not checked: no consumption\n"
        "  Balance         differs: with the balance; by 3\n"
        f"  Rows' SHA-256   {'ab' * 32}\n"
        "  Note            One. Two.\n"
    )


def test_a_month_of_calls_is_a_line_for_each_fact() -> None:
    models = [{"provider": "openai", "model": f"m{number}", "reason": "new", "rows": 1000} for number in range(7)]
    rates: list[dict[str, Any]] = [
        {"day": "2025-10-01", "value": "950.25", "source": "bank", "rows": 3},
        {"day": None, "rows": 1},
    ]
    certificate = replace(
        IMPORTED,
        rows_read=3000,
        left_out=({"kind": "pages", "rows": 1234}, {"kind": "totals", "rows": 1}),
        rows=2000,
        duplicate_rows=1000,
        quarantined_rows=4,
        amount_in_usd="1.5",
        unpriced_rows=7000,
        unpriced=tuple(models),
        rows_without_clp=1,
        rates=tuple(rates),
        sums=Check("agrees", how="files with sums", checked=3),
    )
    assert render_certificate(certificate) == (
        "CERTIFICATE - OCTOBER 2025\n"
        "  State           GAP\n"
        "  Read            2025-12-01 00:00 UTC\n"
        "  Source          import\n"
        "  Rows            3,000 read, 2,000 stored, 1,000 duplicates, 4 quarantined\n"
        "  Left out        pages (1,234), totals (1)\n"
        "  Tokens          2 prompt, 2 completion\n"
        "  US$             at least 1.50, 7,000 rows without a price\n"
        "  Unpriced        openai m0 (1,000: new); openai m1 (1,000: new); openai m2 (1,000: new); "
        "openai m3 (1,000: new); openai m4 (1,000: new); and 2 more\n"
        "  CLP             unknown, 1 row without an amount in CLP\n"
        "  Rates           2025-10-01 950.25 bank; given with 1 row\n"
        "  Sums            agrees (3 compared): files with sums\n"
        f"  Rows' SHA-256   {'cd' * 32}\n"
    )


def test_five_models_are_all_named_and_an_amount_that_nobody_said_has_no_line() -> None:
    models = [{"provider": "openai", "model": f"m{number}", "reason": "new", "rows": 1} for number in range(5)]
    text = render_certificate(replace(IMPORTED, unpriced=tuple(models), amount_in_clp="7"))
    assert "m4 (1: new)\n" in text
    assert "US$" not in text
    assert "  CLP             7\n" in text


BILLED = ChargesCertificate(
    month=Month(2025, 9),
    read_at=datetime(2025, 11, 1, tzinfo=timezone.utc),
    rows=3,
    quarantined_rows=0,
    rows_sha256="ef" * 32,
    source="bills",
    rows_read=1234,
    sums=Check("agrees", how="bills", checked=2),
)


def test_a_month_of_charges_has_a_line_for_each_currency() -> None:
    amounts = [{"currency": code, "amount": amount} for code, amount in (("EUR", "-1234.5"), ("USD", "0.004"))]
    files = [{"name": name, "rows": 1, "quarantined": 0} for name in ("a.csv", "b.csv")]
    certificate = replace(BILLED, amounts=tuple(amounts), files=tuple(files), left_out=({"kind": "tax", "rows": 7},))
    assert render_certificate(certificate) == (
        "CERTIFICATE - SEPTEMBER 2025\n"
        "  State           COMPLETE\n"
        "  Read            2025-11-01 00:00 UTC\n"
        "  Source          bills\n"
        "  Rows            1,234 read of the month's 2 files so far, 3 stored, 0 quarantined\n"
        "  Left out        tax (7)\n"
        "  EUR             -1,234.50 billed\n"
        "  US$             0.004 billed\n"
        "  Sums            agrees (2 compared): bills\n"
        f"  Rows' SHA-256   {'ef' * 32}\n"
    )
    assert "1,234 read, 3 stored" in render_certificate(replace(certificate, files=tuple(files[:1])))


@pytest.mark.parametrize(
    ("currency", "amount", "text"),
    [
        ("USD", "0.01", "0.01"),
        ("USD", "0.0149", "0.01"),
        ("USD", "0.0099", "0.0099"),  # less than a cent is something
        ("USD", "-0.0099", "-0.0099"),
        ("USD", "0", "0.00"),
        ("CLP", "1", "1"),
        ("CLP", "1.4", "1"),
        ("CLP", "0.6", "0.6"),  # less than a peso, which has no cents
        ("JPY", "0.6", "0.6"),
    ],
)
def test_an_amount_of_less_than_the_smallest_coin_keeps_its_digits(currency: str, amount: str, text: str) -> None:
    shown = render_certificate(replace(BILLED, amounts=({"currency": currency, "amount": amount},)))
    assert f" {text} billed\n" in shown


@pytest.mark.parametrize(
    ("amount", "unpriced", "text"),
    [
        ("12.345", 0, "12.35"),
        ("12.345", 1, "at least 12.345, 1 row without a price"),  # rounded up a lower bound would be none
        ("12.340", 1, "at least 12.34, 1 row without a price"),
        ("0", 2, "unknown, 2 rows without a price"),  # only what is free is known
        (None, 2, "unknown, 2 rows without a price"),
        ("0", 0, "0.00"),
    ],
)
def test_a_sum_that_lacks_a_row_is_a_lower_bound_and_is_not_rounded_up(
    amount: str | None, unpriced: int, text: str
) -> None:
    assert f"  US$             {text}\n" in render_certificate(
        replace(IMPORTED, amount_in_usd=amount, unpriced_rows=unpriced)
    )


def test_what_differs_is_not_said_twice_where_it_is_told_beside_the_certificate() -> None:
    certificate = replace(WHOLE, sums=Check("differs", how="a with b", why="by 3"), balance=Check("agrees", why="so"))
    alone, told = render_certificate(certificate), render_certificate(certificate, told=True)
    assert "  Sums            differs: a with b; by 3\n" in alone
    assert "  Sums            differs: a with b\n" in told
    assert "  Balance         agrees: so\n" in told


def test_pages_that_are_missing_are_no_rows_and_are_asked_for() -> None:
    pages = ({"name": "a.json", "quarantined": 2, "open_pages": 2},)
    assert explain_state(replace(IMPORTED, quarantined_rows=2, files=pages)) == (
        f"pages are missing: the total is a lower bound; {ALL_PAGES}."
    )
    both = ({"name": "a.json", "quarantined": 5, "open_pages": 2},)
    assert explain_state(replace(IMPORTED, quarantined_rows=5, files=both)) == (
        "3 rows could not be taken and pages are missing: the total is a lower bound; "
        f"fix the rows in their file and import it with --supersedes a.json and the options by which it was imported "
        f"and {ALL_PAGES}."
    )
