"""Whether a report may be handed on: made of what is stored now, by a run that did not fail, of a month read whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flexlib.dates import SHARED_ZONE
from flexlib.errors import FlexlibError, InvalidRequest, NotebookFailed, SnapshotMissing
from flexlib.formats import format_moment
from flexlib.i18n import _, join_and
from flexlib.nesting import decode_json
from flexlib.proof import Certificate
from flexlib.report.inputs import Inputs, find_month, find_stored, has_no_departments, list_restored
from flexlib.report.manifest import Manifest, hash_bytes, name_manifest, names_people, read_manifest
from flexlib.report.moved import name_stored
from flexlib.report.no_page import FAILED, PERIOD
from flexlib.report.parameters import read_map
from flexlib.report.values import find_page_zone, find_zone
from flexlib.store.version import Snapshot


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


def check_made_of(
    page: Path, snapshots: Sequence[Snapshot], proofs: Sequence[Certificate], inputs: Inputs, command: str
) -> None:
    """Raises `ReportOutdated` where the page lacks what is stored now, or was made of other `inputs`, or what is stored
    was, by its proof, read before its month was settled, and long ago; or where it is not the page that its manifest is
    of; `InvalidRequest` where it may show people by name, to whoever is mailed; `SnapshotMissing` where nothing tells
    that it does not."""
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
    for one, proof in zip(snapshots, proofs, strict=True):
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
    made_of = {name: str(one["rows_sha256"]) for name, one in manifest["snapshots"].items()}
    restored = list_restored(made_of, find_stored({*map(find_month, made_of)}, inputs.data))
    if moved := [*map(name_stored, sorted(restored)), *inputs.list_moved(manifest, page)]:
        raise ReportOutdated(
            _(
                "{page} was made with other inputs than there are now ({inputs}), so nothing is sent. Run: {command}"
            ).format(page=page, inputs=join_and(moved), command=command)
        )


def explain_unshared(manifest: Manifest, beside: str = SHARED_ZONE) -> str:
    """Why not everybody may see a page, without the stop; empty where everybody may.

    It may show departments of few people: it is of another zone than what it is shared with (`beside`), or it was not
    made with `share`, and may have departments, see `has_no_departments`."""
    zone = find_page_zone(manifest)
    if zone != beside:
        return _("it is of {zone}, and what is shared of {shared} alone").format(zone=zone, shared=beside)
    if manifest["parameters"].get("share") is True or has_no_departments(manifest):
        return ""
    if zone != SHARED_ZONE:
        return explain_zone(zone)
    return _("it may show departments of few people; make it with -p share true, where it has that parameter")


def explain_zone(zone: str) -> str:
    """Why a page of this zone, or a file of it, cannot be made without departments of few people."""
    said = _("it may show departments of few people, which are left out of months of {shared} alone, not of {zone}")
    return said.format(shared=SHARED_ZONE, zone=zone)


def read_zone(page: Path) -> str:
    """The zone whose month the page is of, as its notebook was told."""
    content = decode_json(page.with_suffix(".ipynb").read_text("utf-8"))
    given = content["metadata"].get("papermill", {}).get("parameters", {})
    return find_zone(given) if read_map(content, "kinds").get("zone") == "zone" else SHARED_ZONE


def explain_misplaced(page: Path, manifest: Manifest, *, may_be_of_year: bool = False) -> str:
    """Why a page is no page of its folder, as a clause: it is of another month or year. Empty where it is, or where the
    folder is of none; with `may_be_of_year` also where that of its year has the months in it."""
    values, folder = manifest["parameters"], page.absolute().parent.name
    year, month = values.get("year"), values.get("month")
    period = f"{year}-{month:02d}" if type(year) is type(month) is int else "" if month else str(year or "")
    if not period or not PERIOD.fullmatch(folder) or folder == period or (may_be_of_year and folder == str(year)):
        return ""
    said = _("it is of {period} and lies in the folder {folder}, not in {period}")
    return said.format(period=period, folder=folder)
