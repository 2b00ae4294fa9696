"""What a site is made of, as one hash: while it stays the same, so does every page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from flexlib.front.spend import Spend
from flexlib.i18n import find_language
from flexlib.report.manifest import hash_bytes, list_versions
from flexlib.site.facts import Report
from flexlib.store.ended import read_ended
from flexlib.store.pseudonyms import find_pseudonym_secret
from flexlib.store.row_hash import hash_file
from flexlib.store.server import read_server
from flexlib.store.snapshots import list_newest
from flexlib.store.strays import list_misplaced


def hash_inputs(spend: Spend, reports: Sequence[Report], *, is_shared: bool) -> str:
    """Of the stored months, whose rows are not read but held against their hash, what lies beside them, how they are
    judged and shown, and flexlib itself with the libraries that a page comes from."""
    root = spend.root
    versions = [one.path for month in spend.stored for one in list_newest(month, root)]
    files = [file for folder in versions for file in sorted(folder.iterdir())]
    files += [*sorted(root.glob("rates/*.csv")), *sorted(root.glob("prices/*.csv"))]
    made_of = {
        "versions": list_versions(),
        "language": find_language(),
        "settings": [is_shared, spend.zone, spend.names, spend.span, spend.tolerance],
        "data": [read_server(root).get("server"), list_misplaced(root), read_ended(root)],
        "files": [(file.relative_to(root), _hash(file)) for file in files],
        "pseudonyms": hash_bytes(find_pseudonym_secret(root)),
        "organization": spend.roster and _hash(spend.roster),
        "unclosed": [spend.look(month) for month in spend.stored],
        "reports": [(one.path, hash_bytes(one.content), one.moved) for one in reports],
    }
    return hash_bytes(json.dumps(made_of, default=str).encode())


def _hash(file: Path) -> str:
    """Of one that cannot be read it is said by whoever reads it."""
    try:
        return hash_file(file)
    except OSError as error:
        return type(error).__name__
