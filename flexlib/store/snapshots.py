"""Month snapshots on disk: immutable, versioned, whole or not there at all.

    ROOT/server.json                                whose data this root holds
    ROOT/credits/2025-09/<version>/                 credits.parquet, certificate.json, people.json, raw/
    ROOT/usage/2025-09/<source>/<version>/          usage.parquet, certificate.json, people.json, raw/, and of several
                                                    files origins.parquet: which of them each row came from
    ROOT/charges/2025-09/<source>/<version>/        charges.parquet, certificate.json, people.json, raw/

A version is named after the moment it was stored and its rows; the newest is the month. What bears another name, such
as a copy that somebody kept, is nobody's month. A month's folder also holds `.last.json`, the name of the version of
each source that was stored last: an older one under a newer name is not taken for it, nor one that is gone forgotten.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from flexlib.certificate import CERTIFICATES, AnyCertificate, CreditsCertificate
from flexlib.dates import FIRST_YEAR, LAST_YEAR, Month, Span
from flexlib.errors import BadFile, SnapshotMissing
from flexlib.i18n import _
from flexlib.refusals import explain_refusal
from flexlib.sources.registry import IMPORT, WINDSURF, Source, find_source
from flexlib.store.disk import PRIVATE, lock_folder, report_disk, sync
from flexlib.store.engines import Engine, read_days
from flexlib.store.last import VERSION, find_place, read_last, write_last
from flexlib.store.server import name_command
from flexlib.store.version import People, Snapshot

if TYPE_CHECKING:
    import duckdb

STAMP = "%Y%m%dT%H%M%S.%fZ"
MONTH = re.compile(rf"({FIRST_YEAR // 100}\d\d|{LAST_YEAR})-(0[1-9]|1[0-2])", re.ASCII)


def list_months(root: Path) -> list[Month]:
    """Every month of which anything is stored, in order."""
    folders = [folder for dataset in CERTIFICATES for folder in list_folders(root / dataset)]
    months = {Month.parse(folder.name) for folder in folders if MONTH.fullmatch(folder.name)}
    return [month for month in sorted(months) if list_newest(month, root)]


def list_newest(month: Month, root: Path, datasets: Sequence[str] = tuple(CERTIFICATES)) -> list[Snapshot]:
    """The newest version of each source of the month, credits first, charges last."""
    newest = []
    for dataset in datasets:
        found = {one.path.parent: one for one in list_snapshots(dataset, month, root)}
        last = [path for paths in read_last(_month_folder(dataset, month, root)).values() for path in paths]
        there = {path.parent: path for path in last if path.is_dir()}
        newest += [replace(one, path=there.get(place, one.path)) for place, one in found.items()]
    return newest


def list_snapshots(dataset: str, month: Month, root: Path) -> list[Snapshot]:
    """Every stored version of the month, oldest first; for `usage` and `charges` those of all sources.

    Raises `BadFile` where a folder cannot be looked into: what is stored there would lack in a total.
    """
    folder = _month_folder(dataset, month, root)
    places = [folder] if dataset == "credits" else list_folders(folder)
    versions = [version for place in places for version in _list_versions(place)]
    return [Snapshot(dataset, month, path) for path in sorted(versions, key=lambda path: (path.name, path))]


def list_states(month: Month, root: Path) -> list[list[Snapshot]]:
    """What the month was made of after each storing of any of its sources, the first one first."""
    versions = [one for dataset in CERTIFICATES for one in list_snapshots(dataset, month, root)]
    states, newest = list[list[Snapshot]](), dict[Path, Snapshot]()
    for one in sorted(versions, key=lambda version: version.path.name):
        newest[one.path.parent] = one
        states.append([*newest.values()])
    return states


def find_state(month: Month, version: int, root: Path) -> list[Snapshot]:
    """The `version` of the month, counted from 1 as by `list_states`. Raises `SnapshotMissing`, naming all."""
    states = list_states(month, root)
    if not 1 <= version <= len(states):
        stamps = (max(one.path.name for one in state).partition("-")[0] for state in states)
        read = [f"{number} of {datetime.strptime(one, STAMP):%F %T}" for number, one in enumerate(stamps, 1)]
        said = _("{month} has no version {version}; nothing of {month} is stored in {root}.")
        said = _("{month} has no version {version}; those stored are {read} UTC.") if read else said
        raise SnapshotMissing(said.format(month=month, version=version, read=", ".join(read), root=root))
    return states[version - 1]


def find_snapshot(dataset: str, month: Month, root: Path, source: str | None = None) -> Snapshot | None:
    """The newest version of the month, or None; of one source when it is named."""
    versions = [one for one in list_newest(month, root, [dataset]) if source in (None, one.source)]
    return max(versions, key=lambda one: one.path.name, default=None)


def load_credits(month: Month, root: Path) -> Snapshot:
    """The newest credits of the month. Raises `SnapshotMissing`, with the command that stores them."""
    return _load("credits", month, root, WINDSURF)


def load_usage(month: Month, root: Path, source: str | None = None) -> Snapshot:
    """The newest calls of the month, of one source where it is named; of a source of charges those. Raises
    `SnapshotMissing`, with the command that stores them."""
    known = (find_source(source) if source else None) or IMPORT
    return _load(known.dataset, month, root, known, source)


@overload
def scan(dataset: str, span: Span, root: Path, engine: Literal["duckdb"] = ...) -> duckdb.DuckDBPyRelation: ...
@overload
def scan(dataset: str, span: Span, root: Path, *, engine: Engine) -> Any: ...  # noqa: ANN401
def scan(dataset: str, span: Span, root: Path, engine: Engine = "duckdb") -> Any:
    """The rows of every day of `span` as one DuckDB relation, from the newest snapshots (of each source).

    With `engine="spark"` as a Spark frame, see `engines`. Raises `SnapshotMissing` when one of its months is not
    stored: an absent month is not a zero.
    """
    load = load_credits if dataset == "credits" else load_usage
    files: list[Path] = []
    for month in span.months:
        load(month, root)
        files += [one.parquet for one in list_newest(month, root, [dataset])]
    return read_days(files, "date" if dataset == "credits" else "created_at", span.first, span.last, engine)


def write_version(
    draft: Path,
    parquet: Path,
    certificate: AnyCertificate,
    raw: Iterable[str] = (),
    people: People | None = None,
    beside: Iterable[Path] = (),
) -> None:
    """Puts a whole version into the new folder `draft`: checked rows with their proof, the raw answers (lines of text)
    and the people. It is nobody's month before `move_version`.

    The rows stand in `parquet`, on the same disk, which is moved, as the files `beside` it are: so a month may be
    written piece by piece and need not fit into memory. Raises `OSError`.
    """
    (draft / "raw").mkdir(parents=True)
    if _has_metadata(parquet):
        parquet.chmod(PRIVATE)  # what callers write of their users
    parquet.rename(draft / f"{certificate.dataset}.parquet")
    for other in beside:
        other.rename(draft / other.name)
    raw_file = draft / "raw" / "answers.jsonl.gz"
    raw_file.touch(PRIVATE)  # rows that could not be taken stand in it as they came
    with gzip.GzipFile(raw_file, "wb", compresslevel=1, mtime=0) as file:
        file.writelines((line.rstrip("\n") + "\n").encode() for line in raw)
    if people is not None:
        (draft / "people.json").touch(PRIVATE)
        (draft / "people.json").write_text(json.dumps(people, indent=0, ensure_ascii=False), "utf-8")
    (draft / "certificate.json").write_text(certificate.to_json(), "utf-8")
    for path in (*draft.rglob("*"), draft):
        sync(path)


def move_version(draft: Path, certificate: AnyCertificate, root: Path) -> Snapshot:
    """Makes what `write_version` wrote the newest version of its month, in one step.

    The caller holds the month's lock. Raises `DiskFailed`; what was stored before is untouched.
    """
    dataset = certificate.dataset
    source = WINDSURF.name if isinstance(certificate, CreditsCertificate) else certificate.source
    month = _month_folder(dataset, certificate.month, root)
    folder = find_place(month, source)
    with report_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".writing-*"):  # of an earlier flexlib, by a run that was killed: people's names
            shutil.rmtree(left)
        newest, last = find_snapshot(dataset, certificate.month, root, source), read_last(month).get(source, [])
        stamp = _next_stamp([*_list_versions(folder), *last])
        version = folder / f"{stamp}-{certificate.rows_sha256[:8]}"
        write_last(month, source, [*([newest.path] if newest else []), version])
        draft.rename(version)
        sync(folder)
        write_last(month, source, [version])
    return Snapshot(dataset, certificate.month, version)


@contextmanager
def lock_month(dataset: str, month: Month, root: Path, wait: bool = False) -> Iterator[Path]:
    """Holds the month's folder for one run; a run that dies lets go. Yields the folder.

    Raises `AlreadyRunning` when another run holds it, unless `wait`.
    """
    folder = _month_folder(dataset, month, root)
    with lock_folder(folder, str(month), wait=wait):
        yield folder


def _load(dataset: str, month: Month, root: Path, known: Source, source: str | None = None) -> Snapshot:
    snapshot = find_snapshot(dataset, month, root, source)
    if snapshot is None:
        place = f"{root}" + (_(" from {source}").format(source=source) if source else "")
        said, command = _("No {dataset} of {month} in {place}. Run: {command}"), name_command(known, month, root)
        raise SnapshotMissing(said.format(dataset=_(dataset), month=month, place=place, command=command))
    snapshot.check()
    return snapshot


def _list_versions(folder: Path) -> list[Path]:
    return [one for one in list_folders(folder) if VERSION.fullmatch(one.name)]


def list_folders(folder: Path) -> list[Path]:
    """The folders in `folder`, none where it is not there; those that begin with a dot are of runs under way."""
    try:
        with os.scandir(folder) as entries:
            return [Path(one.path) for one in entries if one.is_dir() and not one.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        said = _("{folder} cannot be looked into ({why}), so that nobody knows what is stored there; let yourself read "
            "it, or move it away.")  # fmt: skip
        raise BadFile(said.format(folder=folder, why=explain_refusal(error))) from error


def _month_folder(dataset: str, month: Month, root: Path) -> Path:
    return root / dataset / str(month)


def _next_stamp(versions: Iterable[Path]) -> str:
    """This moment; if the clock was set back, the one after the newest version's."""
    stamps = [version.name.partition("-")[0] for version in versions]
    now = datetime.now(timezone.utc)
    if stamps:
        newest = datetime.strptime(max(stamps), STAMP).replace(tzinfo=timezone.utc)
        now = max(now, newest + timedelta(microseconds=1))
    return now.strftime(STAMP)


def _has_metadata(parquet: Path) -> bool:
    """Whether some row has metadata, as the file's own statistics tell."""
    import pyarrow.parquet as pq

    facts = pq.read_metadata(parquet)
    if "metadata" not in (names := facts.schema.to_arrow_schema().names):
        return False
    columns = [facts.row_group(group).column(names.index("metadata")) for group in range(facts.num_row_groups)]
    return any(not one.is_stats_set or one.statistics.null_count < one.num_values for one in columns)
