"""Whether a report may be handed on: made of what is stored now, by a run that did not fail, of a month read whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from flexlib.dates import SHARED_ZONE
from flexlib.errors import FlexlibError, InvalidRequest, NotebookFailed, SnapshotMissing
from flexlib.formats import format_moment
from flexlib.i18n import _
from flexlib.nesting import decode_json
from flexlib.report.folder import find_packaged
from flexlib.report.manifest import Manifest, hash_bytes, name_manifest, names_people, read_manifest
from flexlib.report.no_page import FAILED
from flexlib.store.version import Snapshot

WITHOUT_DEPARTMENTS = ("compare_months", "flex_credits", "forecast", "latency", "llm_usage")
"""Our notebooks that know of people and of models, and of no department but in budgets."""
KNOWN = re.compile(
    r"ended\.json|(rates|prices)/\w+\.csv|(credits|usage|charges)/\d{4}-\d{2}/([^/]+/)?[^/]+/[a-z]+\.(json|parquet)|params/events\.yaml"
)
"""Files that they read besides, by their places in the data folder and the project: budgets are in no such place."""


class ReportOutdated(FlexlibError):
    """A report that is not of what is stored now, or of a month that is better read again: it is not sent."""

    exit_code = 4


def check_fresh(page: Path, command: str) -> None:
    """Raises `SnapshotMissing` where there is no page, `NotebookFailed` where the last run of its notebook failed;
    `command` makes it again."""
    failed = page.with_name(f"{page.stem}{FAILED}")
    if failed.exists():
        raise NotebookFailed(
            _("The last run of this report failed, so nothing is sent: {file} shows where. Run: {command}").format(
                file=failed, command=command
            )
        )
    if not page.is_file() or not page.with_suffix(".ipynb").is_file():
        raise SnapshotMissing(_("There is no report {page} to send. Run: {command}").format(page=page, command=command))


def check_snapshots(page: Path, snapshots: Sequence[Snapshot], command: str) -> None:
    """Raises `ReportOutdated` where the page lacks what is stored now, or what is stored was read before its month was
    settled, and long ago; or where it is not the page that its manifest is of; `InvalidRequest` where it may show
    people by name, to whoever is mailed; `SnapshotMissing` where nothing tells that it does not."""
    text = page.read_text("utf-8")
    if not name_manifest(page).is_file():
        raise SnapshotMissing(
            _(
                "{page} has no manifest, so that nobody knows whether it shows people by name, and nothing is sent. "
                "Run: {command}"
            ).format(page=page, command=command)
        )
    manifest = read_manifest(name_manifest(page))
    if names_people(manifest):
        raise InvalidRequest(
            _("{page} shows people by name, so nothing is sent. Make it without names: {command}").format(
                page=page, command=command
            )
        )
    if manifest["page"]["sha256"] != hash_bytes(page.read_bytes()):
        raise ReportOutdated(
            _("{page} was changed after it was made, so nothing is sent. Run: {command}").format(
                page=page, command=command
            )
        )
    for one in snapshots:
        proof = one.certificate
        words = {"month": one.month, "source": one.source, "moment": format_moment(proof.read_at), "command": command}
        if proof.rows_sha256 not in text:
            raise ReportOutdated(
                _(
                    "The report is older than what is stored of {month} from {source} (read {moment}), so nothing is "
                    "sent. Run: {command}"
                ).format(**words)
            )
        if not proof.is_settled and proof.is_stale():  # a gap is said in the mail
            raise ReportOutdated(
                _(
                    "What is stored of {month} from {source} is stale (read {moment}, before the month was "
                    "settled), so nothing is sent. Run: {command}"
                ).format(**words)
            )


def explain_unshared(manifest: Manifest, beside: str = SHARED_ZONE) -> str:
    """Why not everybody may see a page, without the stop; empty where everybody may.

    It may show departments of few people: it is of another zone than what it is shared with (`beside`), or it was not
    made with `share`, and is of another notebook than those of `WITHOUT_DEPARTMENTS`, as flexlib brings them, or read a
    file that is none of `KNOWN`, such as that of budgets, which may be of departments."""
    zone = str(manifest["parameters"].get("zone", SHARED_ZONE))
    if zone != beside:
        return _("it is of {zone}, and what is shared of {shared} alone").format(zone=zone, shared=beside)
    if manifest["parameters"].get("share") is True or _has_no_departments(manifest):
        return ""
    return _("it may show departments of few people; make it with -p share true, where it has that parameter")


def _has_no_departments(manifest: Manifest) -> bool:
    name = Path(str(manifest["notebook"].get("file")))
    own = find_packaged() / "notebooks" / name.name
    if name.stem not in WITHOUT_DEPARTMENTS or not own.is_file():
        return False
    is_own = manifest["notebook"].get("sha256") == hash_bytes(own.read_bytes())
    return is_own and all(map(KNOWN.fullmatch, manifest["files"]))


def read_zone(page: Path) -> str:
    """The zone whose month the page is of, as its notebook was told."""
    content = decode_json(page.with_suffix(".ipynb").read_text("utf-8"))
    given = content["metadata"].get("papermill", {}).get("parameters", {})
    return str(given.get("zone", "UTC"))
