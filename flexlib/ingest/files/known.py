"""What was imported before: files, by their names and hashes and by the rules they were read by, and their calls."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from flexlib.certificate import UsageCertificate
from flexlib.dates import Month
from flexlib.errors import BadParameter
from flexlib.formats import format_amount, format_count
from flexlib.i18n import _, mark_text, write_stored
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.paths import hide_emails
from flexlib.sources.registry import IMPORT, RefusedRow, Source
from flexlib.store.origins import strip_mapping
from flexlib.store.snapshots import find_snapshot, list_months
from flexlib.store.version import Snapshot
from flexlib.stored_notes import DISTINCT_ROWS, FREE, GONE, REPEATED, SUPERSEDED, UNDATED

FIGURES = ("rows", "prompt_tokens", "completion_tokens")
UNKNOWN = -1
"""The number of the file that a stored row came from, where an older flexlib did not keep it."""

KEPT = mark_text(
    "Kept are the files' hashes and the rows that could not be taken; the files themselves are not copied."
)
SAME = mark_text("{name} is the same as {other}, byte for byte: it counts once.")
SAME_AS_STORED = mark_text(
    "{name} is the same as {other}, which is stored, byte for byte: it counts once. If it holds calls of somebody "
    "else, import both in one command with --distinct."
)
"""What is said of a file that is there twice."""

FIRST_RULES = 1
"""Those of flexlib 0.2.0 and before, which kept no number of them."""


@dataclass(frozen=True)
class FileFacts:
    """What the certificate says of a file, whatever the month."""

    name: str
    sha256: str
    mapping: dict[str, Any]
    preset: str | None = None
    """The preset that said how to read it, and how well that knows such a file; None where none did."""
    evidence: str | None = None
    rules: int | None = None
    """As in `CallMapping`; None: those of 0.2.0."""
    copy_of: str | None = None
    """The hash of its bytes, where the same bytes are a file of their own by another hash."""

    def tell_apart(self, number: int) -> FileFacts:
        """The same of the file that is the command's so manyth of these bytes, and holds other calls."""
        other = hashlib.sha256(f"{self.sha256}#{number}".encode()).hexdigest()
        return replace(self, sha256=other, copy_of=self.sha256)


def list_stored_files(root: Path, source: Source = IMPORT) -> list[tuple[Month, dict[str, Any]]]:
    """What the certificates of all imported months say of their files."""
    months = [(month, find_snapshot(source.dataset, month, root, source.name)) for month in list_months(root)]
    return [(month, entry) for month, one in months for entry in list_files(one)]


def list_files(snapshot: Snapshot | None) -> tuple[dict[str, Any], ...]:
    """What a stored month says of each file in it."""
    return getattr(snapshot.certificate, "files", ()) if snapshot else ()


def list_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The fields by which a file is read otherwise: the same calls would get other ids, and count twice."""
    old, new = strip_mapping(old), strip_mapping(new)
    return [name for name in old | new if old.get(name) != new.get(name)]


def are_logs(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether two files of these mappings only grow, and tell calls by the same ids: a newer one need not hold what an
    older one has."""
    return "request_id" in new and not list_changes(old, new) and old.get("repeated") == "last"


def recall_rules(
    file: FileFacts, mapping: CallMapping, stored: Iterable[tuple[Month, Mapping[str, Any]]]
) -> tuple[FileFacts, CallMapping]:
    """Both by the rules of the first import of the same bytes under the same mapping, where there was one."""
    for __, entry in stored:
        if entry["sha256"] == file.sha256 and not list_changes(entry["mapping"], file.mapping):
            rules = entry.get("rules", FIRST_RULES)
            return replace(file, rules=entry.get("rules")), replace(mapping, rules=rules)
    return file, mapping


def read_certificate(snapshot: Snapshot | None) -> UsageCertificate | None:
    """The certificate of a snapshot of calls, None where there is none."""
    certificate = snapshot.certificate if snapshot else None
    return certificate if isinstance(certificate, UsageCertificate) else None


def refuse_dropping(
    stored: Iterable[tuple[Month, Iterable[Mapping[str, Any]]]], given: Iterable[tuple[str, str]]
) -> None:
    """Raises `BadParameter` where stored months have files that are not `given`, by name or hash: they would go."""
    again = {text for pair in given for text in pair}
    dropped = [
        f"{entry['name']} of {month} ({format_count(entry['rows'], 'row')})"
        for month, files in stored
        for entry in files
        if again.isdisjoint((entry["sha256"], entry["name"]))
    ]
    if dropped:
        raise BadParameter(
            _(
                "--replace rebuilds the months from what is given alone, and would drop {dropped}; add --yes "
                "to drop them, or give those files too."
            ).format(dropped=", ".join(dropped))
        )


def find_named(files: Sequence[Mapping[str, Any]], name: str) -> list[int]:
    """The numbers of the files of that name; a path is as good as the name at its end."""
    names = [hide_emails(entry["name"]) for entry in files]
    wanted = hide_emails(name if name in names or hide_emails(name) in names else Path(name).name)
    return [number for number, one in enumerate(names) if one == wanted]


def count_pages(refused: Iterable[RefusedRow]) -> dict[str, int]:
    """How many of what a file could not give are pages beside which others are missing, where some are."""
    pages = sum(row.is_page for row in refused)
    return {"open_pages": pages} if pages else {}


def sum_left_out(files: Iterable[Mapping[str, int]]) -> tuple[dict[str, Any], ...]:
    """What the files left out, by kind, as a certificate says it."""
    found: Counter[str] = Counter()
    for kinds in files:
        found.update(kinds)
    return tuple({"kind": kind, "rows": rows} for kind, rows in sorted(found.items()) if rows)


@write_stored
def write_notes(files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What a reader of the certificate must know of its files."""
    yield mark_text(
        "Every row of the files is taken, a duplicate or quarantined; whether they hold every call, no file says."
    )
    yield KEPT
    names = {entry["sha256"]: entry["name"] for entry in files}
    for entry in files:
        if entry["undated"]:
            yield UNDATED.format(name=entry["name"], count=f"{entry['undated']:,}")
        if entry["repeated"]:
            yield REPEATED.format(name=entry["name"], count=f"{entry['repeated']:,}")
        if entry.get("superseded"):
            by = ", ".join(names.get(one, GONE) for one in entry["superseded_by"])
            yield SUPERSEDED.format(name=entry["name"], by=by, count=f"{entry['superseded']:,}")
        if free := entry.get("free"):
            amount = format_amount(Decimal(free[1]))
            yield FREE.format(name=entry["name"], count=f"{free[0]:,}", amount=amount)
        if entry.get("distinct"):
            yield DISTINCT_ROWS.format(name=entry["name"])
