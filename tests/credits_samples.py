"""A month of credits whose every row is known, and its certificate."""

from __future__ import annotations

from datetime import datetime, timezone

import pyarrow as pa
from stored import hash_rows

from flexlib.certificate import CreditsCertificate
from flexlib.checks import Check
from flexlib.dates import Month
from flexlib.schema import CREDITS

READ_AT = datetime(2025, 11, 1, tzinfo=timezone.utc)


def make_rows(month: Month, *flex: int) -> pa.Table:
    """A row of these flex credits on the 1st, 2nd, ... of the month."""
    rows = [
        {
            "date": datetime(month.year, month.month, day),
            "user": "a",
            "model_uid": "m",
            "prompt_credits": 0,
            "flex_credits": spent,
        }
        for day, spent in enumerate(flex, 1)
    ]
    return pa.Table.from_pylist(rows, schema=CREDITS)


def certify(month: Month, rows: pa.Table) -> CreditsCertificate:
    return CreditsCertificate(
        month=month,
        read_at=READ_AT,
        rows=rows.num_rows,
        quarantined_rows=0,
        rows_sha256=hash_rows(rows),
        server="s",
        route="team",
        users_asked=1,
        users_active=1,
        flex_credits_hundredths=sum(rows["flex_credits"].to_pylist()),
        prompt_credits_hundredths=sum(rows["prompt_credits"].to_pylist()),
        sums=Check("agrees"),
    )
