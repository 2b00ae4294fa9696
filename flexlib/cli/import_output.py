"""What `flexlib import` says of what it did: on paper, in JSON, and why a month is not complete."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from flexlib.certificate import Certificate, ChargesCertificate, CreditsCertificate, State, UsageCertificate
from flexlib.commands import write_command
from flexlib.console.certificate import advise_again, explain_state, render_certificate
from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.formats import format_count, format_number
from flexlib.i18n import _, mark_text, write_json
from flexlib.sources.registry import RefusedFileRow
from flexlib.stored_notes import tell_reasons

if TYPE_CHECKING:
    from flexlib.ingest.files.importing import FilesImport
    from flexlib.sources.files.paths import InputFile
    from flexlib.store.version import Snapshot

NOTHING_NEW = mark_text("nothing new: all of it is there already")
MOST_SHOWN = 5


def describe_import(
    files: Sequence[InputFile],
    months: Sequence[FilesImport],
    states: Mapping[Month, State],
    skipped: Sequence[str] = (),
) -> dict[str, Any]:
    """What an import did, for JSON; of several files also which of them brought what, and which were skipped. `states`
    are those of the months with all that is stored of them."""
    left = {"skipped": list(skipped)} if skipped else {}
    described = [
        {"added_rows": one.added_rows, "is_new": one.is_new, "month_state": states[one.certificate.month]}
        | json.loads(one.certificate.to_json())
        for one in months
    ]
    if len(files) == 1:
        return {"file": files[0].name, "months": described} | left
    listed = []
    for file in files:
        mine = [one for one in months if file.name in one.added_by_file]
        added = sum(one.added_by_file[file.name] for one in mine)
        listed.append({"file": file.name, "added_rows": added, "months": [str(one.certificate.month) for one in mine]})
    return {"files": listed, "months": described} | left


def render_import(files: Sequence[InputFile], months: Sequence[FilesImport]) -> str:
    """What an import did, with each month's certificate, a note that they share once, and what to do next. Ends with a
    newline."""
    parts, noted = [], set[str]()
    for one in months:
        added = _("{rows} added").format(rows=format_count(one.added_rows, "row")) if one.is_new else _(NOTHING_NEW)
        if one.is_new and not one.added_rows:
            added += _("; the month's amounts or its proof changed")
        names = [file.name for file in files if len(files) == 1 or file.name in one.added_by_file]
        title = names[0] if len(names) == 1 else _("{count} files").format(count=len(names))
        by_file = [
            _("  {name}: {rows} added\n").format(name=name, rows=format_count(one.added_by_file[name], "row"))
            for name in names
            if len(names) > 1
        ]
        notes = tuple(note for note in one.certificate.notes if note not in noted)
        noted |= {*notes}
        certificate = render_certificate(replace(one.certificate, notes=notes), told=True)
        parts.append(f"{title}, {one.certificate.month}: {added}.\n{''.join(by_file)}{certificate}")
    if last := max((one.certificate for one in months), key=lambda one: one.month, default=None):
        when = f"--year {last.month.year} --month {last.month.month}"
        command = write_command(f"flexlib spend {when}")
        proof = write_command(f"flexlib certificate {when} --source {last.source}")
        parts.append(_("Next: {command}\nThis proof again: {proof}\n").format(command=command, proof=proof))
    return "\n".join(parts)


def explain_month(month: FilesImport) -> str:
    """What the rows of a month lack, and what to do; of sums that differ nothing."""
    if month.certificate.state is State.PROVISIONAL:
        return _("it was imported before the month was over; import again what comes after.")
    rows = month.quarantined
    return explain_refused(month.certificate, rows, several=len(month.added_by_file) > 1)


def explain_stored(snapshot: Snapshot) -> str:
    """The same of a month that is stored; of rows whose lines are another's to read, how many they are, and that."""
    from flexlib.store.refused import list_refused

    certificate = snapshot.certificate
    if isinstance(certificate, CreditsCertificate) or certificate.state is not State.GAP:
        return explain_why(certificate)
    try:
        rows = list_refused(snapshot) if certificate.quarantined_rows else []
    except BadFile as error:
        return f"{explain_why(certificate)} {error}"
    return explain_refused(certificate, rows, several=len({row.file for row in rows}) > 1)


def explain_refused(
    certificate: UsageCertificate | ChargesCertificate, rows: Sequence[RefusedFileRow], *, several: bool
) -> str:
    """Why rows of a month could not be taken, each with its line, and what to do."""
    if not rows:
        return explain_why(certificate)
    line = _("line {number}: ")
    told = (
        f"{f'{row.file}, ' * several}{line.format(number=row.line) * (not row.is_page)}{tell_reasons(row.reason)}"
        for row in rows
    )
    shown = "; ".join(islice(told, MOST_SHOWN))
    more = (
        _("; and {count} more, kept in raw/ beside the month").format(count=format_number(len(rows) - MOST_SHOWN))
        if len(rows) > MOST_SHOWN
        else ""
    )
    if all(row.is_page for row in rows):
        return _("{shown}{more}. Until then the totals are a lower bound.").format(shown=shown, more=more)
    count = format_count(len(rows), "row")
    return _(
        "{count} could not be taken ({shown}{more}). The totals are a lower bound; fix the file and "
        "import it with {again}."
    ).format(count=count, shown=shown, more=more, again=advise_again(certificate, _name_options))


def explain_why(certificate: Certificate) -> str:
    """Why the state of a month is what it is, with the options by which each of its files is read as before."""
    return explain_state(certificate, _name_options)


def _name_options(entry: Mapping[str, Any]) -> str:
    """Those by which a file was taken, as `name_import_options` tells them out of its entry."""
    from flexlib.sources.presets.options import name_import_options  # which loads what reads files

    return name_import_options(entry)


def print_presets(*, as_json: bool) -> None:
    """The systems that are known."""
    from flexlib.sources.presets import describe_preset, list_presets

    presets = [describe_preset(one) for one in list_presets()]
    if as_json:
        print(write_json({"presets": presets}))
        return
    for one in presets:
        print(f"{one['name']:20}{one['dataset']:9}{one['evidence']:12}{one['title']}\n{'':20}{one['source']}")
