"""Which months are stored, for analysts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from flexlib.certificate import CERTIFICATES, State
from flexlib.store.snapshots import list_months, list_newest


def list_stored_months(root: Path) -> pd.DataFrame:
    """See `flexlib.months`; `root` is the data folder."""
    columns: dict[str, list[Any]] = {name: [] for name in ("month", "credits", "usage", "charges", "state", "read_at")}
    for month in list_months(root):
        newest = list_newest(month, root)
        states = {one.certificate.state for one in newest}
        columns["month"].append(str(month))
        for dataset in CERTIFICATES:
            columns[dataset].append(", ".join(one.source for one in newest if one.dataset == dataset))
        columns["state"].append(str(next(state for state in State if state in states)))
        columns["read_at"].append(_to_naive(max(one.certificate.read_at for one in newest)))
    return pd.DataFrame(columns).astype({"read_at": "datetime64[us]"})


def _to_naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
