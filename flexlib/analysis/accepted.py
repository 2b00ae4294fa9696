"""What an answer cost that somebody could use, and which shares differ beyond chance."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from math import sqrt
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from flexlib.analysis.cells import ROUTE
from flexlib.analysis.frames import read_rows
from flexlib.analysis.latency import DEVIATIONS
from flexlib.analysis.usage_frames import exact_decimals, open_usage
from flexlib.analysis.what_if import ENOUGH_CALLS

if TYPE_CHECKING:
    import pandas as pd

Interval = tuple[float, float]


def measure_accepted(rows: object) -> pd.DataFrame:
    """What an accepted answer cost by task and route: of the rows of which the column `accepted` (boolean) is not null
    and the amount is known; the cheapest first, within each task.

    Columns: `task_type`, `provider`, `model`, `proxy`, `calls`, `accepted` (a row that sums calls is as many of one
    verdict), `usd` (Decimal: of all these calls, the accepted and the others), `share`, `share_low`, `share_high` (of
    the calls; Wilson's interval of 95 %), `usd_each`, `usd_low`, `usd_high` (Decimal, for one accepted answer: what was
    spent is known, the share is what chance moves; None without an end), `place` (1 for those whose interval begins
    below the end of every other; None below `ENOUGH_CALLS`), `unpriced_calls` with a verdict and without an amount.
    """
    import pandas as pd

    opened, keys = open_usage(rows, keys=["accepted", "task_type", "proxy"]), ["task_type", *ROUTE]
    is_priced, counts = ~nw.col("amount_in_usd").is_null(), ("calls", "accepted", "unpriced_calls")
    kinds = dict(zip(counts, (is_priced, nw.col("accepted") & is_priced, ~is_priced), strict=True))
    stood_for = nw.col("requests").fill_null(1)  # a row that does not say how many calls it sums is one at least
    judged = opened.filter(~nw.col("accepted").is_null()).with_columns(
        **{name: nw.when(is_one).then(stood_for).otherwise(0) for name, is_one in kinds.items()}
    )
    with exact_decimals():
        sums = judged.group_by(*keys).agg(nw.col(*counts).sum(), usd=nw.col("amount_in_usd").sum())
        summed = read_rows(sums.with_columns(nw.col(*counts).cast(nw.Int64)).to_native())
        lines = [_describe(row) for row in summed if row["calls"]]
    for line in lines:
        rivals = [one for one in lines if one["task_type"] == line["task_type"] and _is_enough(one)]
        line["place"] = find_place(line["usd_low"], [one["usd_high"] for one in rivals]) if _is_enough(line) else None
    lines.sort(key=lambda one: (one["task_type"], one["usd_each"] is None, one["usd_each"] or 0, str(one["model"])))
    return pd.DataFrame(lines, columns=[*keys, *MEASURES], dtype=object)


MEASURES = (
    *("calls", "accepted", "usd", "share", "share_low", "share_high", "usd_each", "usd_low", "usd_high", "place"),
    "unpriced_calls",
)


def find_place(low: Any, highs: Iterable[Any]) -> int:  # noqa: ANN401 (a number)
    """1 and how many end below: those that chance may have put in one order have one place; None is no end.

    >>> find_place(0.4, [0.3, 0.5, None])
    2
    """
    return 1 + len([high for high in highs if high is not None and high < low])


def find_interval(hits: float, tries: int) -> Interval:
    """Wilson's interval of 95 % for a share.

    >>> [round(end, 3) for end in find_interval(8, 10)]
    [0.49, 0.943]
    """
    square, share = DEVIATIONS**2, hits / tries
    middle = (share + square / (2 * tries)) / (1 + square / tries)
    spread = DEVIATIONS * sqrt(share * (1 - share) / tries + square / (4 * tries**2)) / (1 + square / tries)
    return max(middle - spread, 0.0), min(middle + spread, 1.0)


def _describe(row: dict[str, Any]) -> dict[str, Any]:
    low, high = find_interval(row["accepted"], row["calls"])
    each = row["usd"] / row["calls"]
    ends = [None if end <= 0 else each / Decimal(repr(end)) for end in (high, low if row["accepted"] else 0.0)]
    share, usd_each = row["accepted"] / row["calls"], row["usd"] / row["accepted"] if row["accepted"] else None
    shares = {"share": share, "share_low": low, "share_high": high}
    return row | shares | {"usd_each": usd_each} | dict(zip(("usd_low", "usd_high"), ends, strict=True))


def _is_enough(line: dict[str, Any]) -> bool:
    return bool(line["calls"] >= ENOUGH_CALLS)
