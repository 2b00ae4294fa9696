"""The rules by which a file was read when it was first imported: by others its calls would get other ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flexlib.certificate import UsageCertificate
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.registry import IMPORT
from flexlib.store.snapshots import find_snapshot, list_months
from flexlib.store.version import Snapshot

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


def list_stored_files(root: Path) -> list[dict[str, Any]]:
    """What the certificates of all imported months say of their files."""
    snapshots = (find_snapshot("usage", month, root, IMPORT.name) for month in list_months(root))
    return [entry for one in snapshots if (certificate := read_certificate(one)) for entry in certificate.files]


def recall_rules(
    file: FileFacts, mapping: CallMapping, stored: Iterable[Mapping[str, Any]]
) -> tuple[FileFacts, CallMapping]:
    """Both by the rules of the first import of the same bytes under the same mapping, where there was one."""
    for entry in stored:
        if (entry["sha256"], entry["mapping"]) == (file.sha256, file.mapping):
            rules = entry.get("rules", FIRST_RULES)
            return replace(file, rules=entry.get("rules")), replace(mapping, rules=rules)
    return file, mapping


def read_certificate(snapshot: Snapshot | None) -> UsageCertificate | None:
    """The certificate of a snapshot of calls, None where there is none."""
    certificate = snapshot.certificate if snapshot else None
    return certificate if isinstance(certificate, UsageCertificate) else None
