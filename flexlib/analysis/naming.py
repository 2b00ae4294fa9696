"""The models of a finished frame by their names."""

from __future__ import annotations

from typing import cast

import narwhals.stable.v2 as nw

from flexlib.analysis.frames import Frame, open_frame, read_rows
from flexlib.dates import Span
from flexlib.names import label_models


def name_models(frame: Frame, days: Span | None = None) -> Frame:
    """A finished `frame` with the column `model` beside `model_uid`, as `label_models` gives it; same rows and order.

    A relation is run once to see which ids it holds, and stays lazy.
    """
    opened = open_frame(frame)
    uids = [row["model_uid"] for row in read_rows(opened.select("model_uid").unique().to_native())]
    # Not `replace_strict`: on DuckDB that is a join, and a join forgets the order.
    label: nw.Expr = nw.col("model_uid")
    for uid, name in label_models(uids, days).items():
        label = nw.when(nw.col("model_uid") == uid).then(nw.lit(name)).otherwise(label)
    return cast(Frame, opened.with_columns(model=label).to_native())
