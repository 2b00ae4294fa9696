"""Whether the stored months can still be read at all, as their certificates and the ends of their files tell: no row is
read for it, so that a change within the rows is seen only by what counts them."""

from __future__ import annotations

from pathlib import Path

from flexlib.errors import SnapshotChanged
from flexlib.formats import clean_text
from flexlib.store.held import Contradiction
from flexlib.store.snapshots import list_months, list_newest
from flexlib.store.version import Snapshot


def list_damaged(root: Path, source: str | None = None) -> list[str]:
    """A sentence on the newest version of each month that is damaged; of all sources, or of one."""
    newest = (one for month in list_months(root) for one in list_newest(month, root))
    found = (_look_at(one) for one in newest if source in (None, one.source))
    return [clean_text(one) for one in found if one]


def _look_at(snapshot: Snapshot) -> str:
    import pyarrow.parquet as pq

    file = snapshot.path / f"{snapshot.dataset}.parquet"
    try:
        said = snapshot.certificate.rows
        with snapshot.report_damage(file):
            rows = pq.read_metadata(file).num_rows
            if rows != said:
                raise Contradiction(f"rows: its certificate says {said}, and it has {rows}")
    except SnapshotChanged as error:
        return str(error)
    return ""
