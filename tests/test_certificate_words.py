"""What a certificate says of rows and pages that are missing, in a clause each."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from flexlib.certificate import UsageCertificate, list_missing
from flexlib.dates import Month


def lack(rows: int, *files: dict[str, Any]) -> list[str]:
    certificate = UsageCertificate(
        month=Month(2025, 9), read_at=datetime(2025, 11, 1, tzinfo=timezone.utc), rows=1, quarantined_rows=rows,
        rows_sha256="cd" * 32, source="import", rows_read=1, prompt_tokens=10, completion_tokens=5, files=files,
    )  # fmt: skip
    return list_missing(certificate)


@pytest.mark.parametrize(
    ("quarantined", "pages", "missing"),
    [
        (2, 2, ["pages are missing"]),
        (3, 2, ["1 row of a.json could not be taken", "pages are missing"]),
        (5, 2, ["3 rows of a.json could not be taken", "pages are missing"]),
        (5, 0, ["5 rows of a.json could not be taken"]),
    ],
)
def test_a_page_that_is_missing_is_no_row_that_could_not_be_taken(
    quarantined: int, pages: int, missing: list[str]
) -> None:
    assert lack(quarantined, {"name": "a.json", "quarantined": quarantined, "open_pages": pages}) == missing


def test_rows_of_no_file_are_missing_without_a_name() -> None:
    assert lack(2) == ["2 rows could not be taken"]
    assert lack(2, {"name": "whole.json", "quarantined": 0}) == ["2 rows could not be taken"]
