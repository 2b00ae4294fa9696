"""Whether a manifest says what is read of it in the form that `build_manifest` gives, whoever sealed it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flexlib.i18n import LANGUAGES
from flexlib.store.last import SOURCE, VERSION
from flexlib.store.snapshots import MONTH

SNAPSHOT = re.compile(rf"(credits|usage|charges)/{MONTH.pattern}/{SOURCE.pattern}", re.ASCII)
AMOUNT = re.compile(r"-?\d{1,40}(\.\d{1,40})?(E[+-]?\d{1,2})?", re.ASCII)
"""As a certificate has it, of no more digits than anybody could read."""
MAPS = ("files", "settings", "versions", "rates")
"""What they hold are texts."""
PERHAPS = ("pseudonyms", "unclosed", "organization", "budgets", "zone")
"""What is a text, or nothing."""


def has_form(manifest: Mapping[str, Any]) -> bool:
    """Whether nothing that is read of it is missing or of another kind."""
    try:
        page, notebook = manifest["page"], manifest["notebook"]
        texts = [page["sha256"], *page["headlines"].values(), notebook["file"], notebook["sha256"]]
        texts += [text for name in MAPS for text in manifest.get(name, {}).values()]
        texts += [*(manifest.get("sought") or ()), *(manifest.get(name) or "" for name in PERHAPS)]
        return (
            all(isinstance(one, str) for one in texts)
            and manifest["language"] in LANGUAGES
            and isinstance(manifest["made_up"], bool)
            and isinstance(manifest["parameters"], dict)
            and all(SNAPSHOT.fullmatch(name) and _is_snapshot(one) for name, one in manifest["snapshots"].items())
        )
    except (AttributeError, KeyError, TypeError):
        return False


def _is_snapshot(said: Mapping[str, Any]) -> bool:
    texts = [said[name] for name in ("state", "rows_sha256", "certificate_sha256")]
    return (
        all(isinstance(one, str) for one in texts)
        and type(said["rows"]) is int
        and VERSION.fullmatch(said["version"]) is not None
        and all(AMOUNT.fullmatch(amount) for amount in said["sums"].values())
    )
