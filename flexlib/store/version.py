"""One stored version of a month: its rows, its certificate, its people."""

from __future__ import annotations

import glob
import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from flexlib.certificate import CERTIFICATES, CREDITS_NAMES, AnyCertificate, CreditsCertificate
from flexlib.dates import Month
from flexlib.errors import InvalidRequest, SnapshotChanged
from flexlib.i18n import _
from flexlib.names import write_mask
from flexlib.nesting import decode_json
from flexlib.proof import State, read_check
from flexlib.sources.registry import WINDSURF, find_source
from flexlib.store.engines import to_exact_frame
from flexlib.store.held import Contradiction, compare_figures, find_hash, find_rows_hash
from flexlib.store.last import VERSION
from flexlib.store.server import name_command
from flexlib.store.usage_files import read_usage

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

People: TypeAlias = "dict[str, dict[str, str]]"
DAMAGE = (ValueError, KeyError, TypeError, AttributeError, EOFError, gzip.BadGzipFile, zlib.error, FileNotFoundError)
"""What the readers of text, JSON, gzip and Parquet say of a file that was changed, cut or taken away."""
PLAIN = {
    "int": (int,),
    "int | None": (int, type(None)),
    "str": (str,),
    "str | None": (str, type(None)),
    "bool": (bool,),
}
"""The fields of a certificate that JSON has as they are, by what is written of them."""


@dataclass(frozen=True)
class Snapshot:
    """One stored version of a month; its parts are read when they are asked for."""

    dataset: str
    """`credits`, `usage` or `charges`."""
    month: Month
    path: Path
    secret: bytes | None = field(default=None, repr=False)
    """Where people are not to be shown, that by which the rows' keys are masked."""

    @property
    def shows_people(self) -> bool:
        """Whether `people` gives anybody's name, and the rows their users' keys."""
        return self.secret is None

    @property
    def source(self) -> str:
        """The name of the source whose month it is, as in `sources.registry`."""
        return WINDSURF.name if self.dataset == WINDSURF.dataset else self.path.parent.name

    @property
    def root(self) -> Path:
        """The data folder that it lies in."""
        return self.path.parents[2 if self.dataset == WINDSURF.dataset else 3]

    @cached_property
    def parquet(self) -> Path:
        """The file of the rows, held against the certificate. Raises `SnapshotChanged` where it is not the one, and
        `InvalidRequest` where people are not to be shown."""
        if not self.shows_people:
            raise InvalidRequest(
                _("the file of a month has the keys of its users: load it with names=True to read it.")
            )
        self.check()
        return self.file

    def check(self) -> None:
        """Raises `SnapshotChanged` where the rows are not those that the certificate is of."""
        if not self.is_unchanged:
            raise SnapshotChanged(
                _(
                    "{file} is not the file that its certificate is of: it was changed or damaged after it was "
                    "stored, so nothing of {month} is counted; store the month again: {command}"
                ).format(file=self.file, month=self.month, command=self._command)
            )
        with self.report_damage(self.path / "certificate.json", "is not of the rows beside it"):
            compare_figures(self.certificate, self.file, self.file_sha256, self.root)

    @cached_property
    def is_unchanged(self) -> bool:
        """Whether the rows are those that the certificate is of, as the hash of the file says, or theirs."""
        try:
            if self.certificate.file_sha256:
                return self.file_sha256 == self.certificate.file_sha256
            return find_rows_hash(self.file, self.file_sha256, self.root) == self.certificate.rows_sha256
        except (FileNotFoundError, ValueError):
            return False

    @cached_property
    def file_sha256(self) -> str:
        """Of the bytes of the rows' file, as they are now. Raises `FileNotFoundError`."""
        return find_hash(self.file)

    @property
    def size(self) -> int:
        """How many bytes the file of the rows has."""
        return self.file.stat().st_size

    @cached_property
    def certificate(self) -> AnyCertificate:
        """Raises `SnapshotChanged` where it cannot be read, or is of another month, or other rows, than its folder
        says."""
        file = self.path / "certificate.json"
        with self.report_damage(file, "is no certificate"):
            found = parse_certificate(file.read_text("utf-8"))
        if (found.dataset, found.month) != (self.dataset, self.month):
            raise SnapshotChanged(
                _(
                    "{file} is of the {dataset} of {month}, and lies with the {dataset_2} of {month_2}: move "
                    "{path} away, and store {month_2} again: {command}"
                ).format(
                    file=file,
                    dataset=found.dataset,
                    month=found.month,
                    dataset_2=self.dataset,
                    month_2=self.month,
                    path=self.path,
                    command=self._command,
                )
            )
        if VERSION.fullmatch(self.path.name) and not self.path.name.endswith(f"-{found.rows_sha256[:8]}"):
            raise SnapshotChanged(
                _(
                    "{file} is of another version than its folder is named after: it was put there afterwards; move "
                    "{path} away, and store {month} again: {command}"
                ).format(file=file, path=self.path, month=self.month, command=self._command)
            )
        return found

    @contextmanager
    def report_damage(self, file: Path, what: str = "cannot be read") -> Iterator[None]:
        """Raises `SnapshotChanged` where what is read from `file` of this version is not what flexlib wrote."""
        try:
            yield
        except DAMAGE as error:
            why = str(error) if isinstance(error, Contradiction) else type(error).__name__
            raise SnapshotChanged(
                _(
                    "{file} {what} ({why}): it was changed or damaged; move {path} away, and store {month} "
                    "again: {command}"
                ).format(file=file, what=what, why=why, path=self.path, month=self.month, command=self._command)
            ) from error

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as a pandas frame, columns and units as in `schema`; decimals stay exact, integers that may be null
        are `Int64`.
        """
        import pyarrow.parquet as pq

        is_file = self.shows_people and self.dataset != "usage"
        return to_exact_frame(pq.read_table(self.parquet) if is_file else self.relation.to_arrow_table())

    @cached_property
    def relation(self) -> duckdb.DuckDBPyRelation:
        """The rows as a DuckDB relation; nothing is read until it is used."""
        import duckdb

        self.check()
        is_usage = self.dataset == "usage"
        rows = read_usage([self.file]) if is_usage else duckdb.read_parquet(glob.escape(str(self.file)))
        keys = "usable_key" if is_usage else "key"
        return rows if self.secret is None else rows.select(write_mask(self.secret, keys))

    @cached_property
    def people(self) -> People:
        """E-mail and name by user key: personal data, ask only where names were asked for."""
        if not self.shows_people:
            return {}
        file = self.path / "people.json"
        with self.report_damage(file):
            people: People = decode_json(file.read_text("utf-8")) if file.exists() else {}
            return {key: dict(who) for key, who in people.items()}

    @property
    def file(self) -> Path:
        """That of the rows, unread and unchecked, to be named or hashed; `parquet` is for those who read it."""
        return self.path / f"{self.dataset}.parquet"

    @property
    def _command(self) -> str:
        source, unknown = find_source(self.source), _("the command that reads {source}").format(source=self.source)
        command = name_command(source, self.month, self.root) if source else unknown
        return command + " --replace" * command.startswith("flexlib import ")


def parse_certificate(text: str) -> AnyCertificate:
    """The certificate that `to_json` wrote, of this version or of one before."""
    values = decode_json(text)
    written = {name: values.get(name) for name in ("state", "at_least") if "dataset" in values}
    # Those of flexlib 0.1.0 do not say which they are; only credits are fetched by a route.
    dataset = values.pop("dataset", "credits" if "route" in values else "usage")
    for name in ("state", "at_least"):  # they follow from the rest
        values.pop(name, None)
    if dataset == CreditsCertificate.dataset:
        values = {own: values.pop(name) for own, name in CREDITS_NAMES.items() if name in values} | values
    values["month"] = Month.parse(values["month"])
    values["read_at"] = datetime.fromisoformat(values["read_at"])
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
        elif isinstance(value, dict):
            values[name] = read_check(value)
    certificate = CERTIFICATES[dataset](**values)
    for one in fields(certificate):
        kinds = PLAIN.get(str(one.type))
        if kinds and type(getattr(certificate, one.name)) not in kinds:
            raise TypeError(f"{one.name} is not {one.type}")
        if "rows" in one.name and kinds == (int,) and getattr(certificate, one.name) < 0:
            raise Contradiction(f"{one.name} is {getattr(certificate, one.name)}")
    _check_written(certificate, written)
    return certificate


def _check_written(certificate: AnyCertificate, written: Mapping[str, object]) -> None:
    """Raises `Contradiction` where the state that was written is worse than what the figures beside it say: they were
    changed. A state that is better was another flexlib's, whose rules were not these."""
    states = list(State)  # the worst first
    state = written.get("state")
    if state in states and states.index(State(str(state))) < states.index(certificate.state):
        raise Contradiction(f"it says {state}, and its figures say {certificate.state}")
    if written.get("at_least") is True and not getattr(certificate, "is_at_least", True):
        raise Contradiction("it says that its sum lacks something, and its figures say that nothing is missing")


def list_certificates(snapshots: Iterable[Snapshot]) -> tuple[AnyCertificate, ...]:
    """Each once: months of a zone share the version that has the hours of their edge."""
    return (*{(one.dataset, one.month, one.source): one.certificate for one in snapshots}.values(),)
