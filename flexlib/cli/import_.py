"""`flexlib import`: files of LLM calls brought into month snapshots, with the proof of what was taken."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.certificate import State
from flexlib.cli.import_options import CHOSEN, COLUMNS, LISTED, add_import_options
from flexlib.cli.import_output import describe_import, explain_month, print_presets, render_import
from flexlib.cli.options import Commands, find_exit_code, load_judged, warn_of_month
from flexlib.dates import Month
from flexlib.errors import BadFile, BadParameter
from flexlib.formats import clean_lines
from flexlib.i18n import _, write_json
from flexlib.proof import find_worst
from flexlib.settings import Settings
from flexlib.sources.registry import BILLS

if TYPE_CHECKING:
    from flexlib.ingest.files.entries import Decisions
    from flexlib.ingest.files.importing import FilesImport
    from flexlib.sources.charges.mapping import ChargeMapping
    from flexlib.sources.files.mapping import CallMapping
    from flexlib.sources.files.paths import InputFile


def add_commands(commands: Commands) -> None:
    add_import_options(commands).set_defaults(run=run_import)


def read_mapping(arguments: argparse.Namespace, file: InputFile) -> CallMapping | ChargeMapping:
    """Which column feeds what: as the options say, on top of a preset where one is asked for, or nothing else says it;
    then the file itself tells which.

    Raises `BadParameter`, and `BadFile` where no preset fits.
    """
    from flexlib.sources.files import name_in_errors
    from flexlib.sources.files.fields import MEMBERS
    from flexlib.sources.files.mapping import CallMapping
    from flexlib.sources.presets import check_asked, choose_preset

    given = _read_given(arguments)
    if "created_at" in given and arguments.preset is None:
        if "bills" in given:
            raise BadParameter(
                _("--bills is for a file of charges, and --timestamp of one of calls; leave one of them out.")
            )
        given |= {name: kind.parse(given[name]) for name, kind in MEMBERS.items() if name in given}
        mapping = CallMapping(**given)
        if not file.is_named:
            with name_in_errors(file.path, file.name):
                check_asked(file.path, mapping.asked, delimiter=mapping.delimiter)
        return mapping
    with name_in_errors(file.path, file.name):
        preset, columns = choose_preset(file.path, arguments.preset, delimiter=arguments.delimiter)
    return preset.build_mapping(columns, **given)


def _read_given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of the mapping that options say."""
    from flexlib.sources.files.fields import MEMBERS

    said = vars(arguments)
    plain = ["created_at", "prompt_tokens", "completion_tokens", *COLUMNS, "timezone", "delimiter", "decimal", "grain"]
    other = ["provider_column", "model", "model_column", "proxy_column", "task_type_column", "usable_type", "rows_path"]
    given = {name: said[name] for name in [*plain, *other, "usable_type_column"]}
    given |= {name: said[name] for name in CHOSEN}
    given |= {name: tuple(said[name]) for name in LISTED}
    given |= {name: said[name] for name in MEMBERS if said[name]}
    return {name: value for name, value in given.items() if value not in (None, ())}


def run_import(arguments: argparse.Namespace, settings: Settings) -> int:
    """Imports, prints the certificates and why a month is not whole, gives the exit code of the months' states."""
    if arguments.listed:
        print_presets(as_json=arguments.json)
        return 0
    if not arguments.paths:
        raise BadParameter(_("which file is to be imported? Name it, or ask for --list."))
    from flexlib.sources.files.paths import STDIN, find_files

    with tempfile.TemporaryDirectory(prefix="flexlib-") as scratch:
        found = find_files(
            arguments.paths,
            Path(scratch),
            format_name=arguments.format,
            stdin=sys.stdin.buffer if STDIN in arguments.paths and sys.stdin else None,
            skipped=settings.data.resolve(),
        )
        if found.others:
            _note(_("Skipped, not a type of file that import reads: {others}.").format(others=", ".join(found.others)))
        files, skipped = _read_mappings(found.files, arguments)
        months = _import(files, arguments, settings)
    told: dict[Month, dict[str, str]] = {}
    for one in months:
        told.setdefault(one.certificate.month, {})[one.certificate.source] = explain_month(one)
    taken = [file for file, _other in files]
    if not arguments.json:  # before what else is stored of the month is read, and may turn out to be spoilt
        print(clean_lines(render_import(taken, months)), end="")
    judged = {month: load_judged(month, settings) for month in told}
    states = {month: usage.find_state(usage.unstored) for month, usage in judged.items()}
    if arguments.json:
        print(write_json(describe_import(taken, months, states, skipped)))
    for month, why in told.items():
        warn_of_month(judged[month], why, judged[month].unstored)
    certificates = [one for usage in judged.values() for one in usage.certificates]
    return find_exit_code(certificates, find_worst({*states.values()} or {State.COMPLETE}))


def _read_mappings(
    files: Sequence[InputFile], arguments: argparse.Namespace
) -> tuple[list[tuple[InputFile, CallMapping | ChargeMapping]], list[str]]:
    """Each file with how it is read, and the names of those that are skipped, which it notes.

    A file of no known system is skipped where it was asked for, and one that only lies beside others where none of its
    columns speaks of usage. Raises `BadFile` for the others.
    """
    from flexlib.sources.presets import UnknownFile

    read: list[tuple[InputFile, CallMapping | ChargeMapping]] = []
    unknown: dict[str, UnknownFile] = {}
    skipped: list[str] = []
    for file in files:
        try:
            if not file.path.stat().st_size:
                raise UnknownFile(_("{name} is empty (0 bytes); export it again.").format(name=file.name), ["usage"])
            read.append((file, read_mapping(arguments, file)))
        except UnknownFile as error:
            if file.is_named or error.speaks_of_usage or arguments.skip_unknown:
                unknown[file.name] = error.with_traceback(None)  # whose frames would keep all columns of the file
            else:
                skipped.append(file.name)
    if unknown and (not arguments.skip_unknown or not read):
        names, others = list(unknown), len(files) > len(unknown)
        if len(names) > 1:
            said = _("{names} match no known system; name each with --from, or its columns, in a command of its own.")
            if others:
                said = _("{names} match no known system; name each with --from, or its columns, in a command of its "
                         "own, or add --skip-unknown to import the others.")  # fmt: skip
            raise BadFile(said.format(names=", ".join(names)))
        sentence = str(unknown[names[0]])
        said = _("{sentence}; or add --skip-unknown to import the others.").format(sentence=sentence.rstrip("."))
        raise BadFile(said if others else f"{sentence.rstrip('.')}.")
    skipped += unknown
    if skipped:
        _note(_("Skipped, of no known system: {skipped}.").format(skipped=", ".join(skipped)))
    if not read:
        raise BadFile(
            _("{paths} contains no file of a known system; name one with --from.").format(
                paths=" ".join(arguments.paths)
            )
        )
    return read, skipped


def _import(
    files: Sequence[tuple[InputFile, CallMapping | ChargeMapping]], arguments: argparse.Namespace, settings: Settings
) -> list[FilesImport]:
    """Calls and bills each into their own months: all of them, or none."""
    from flexlib.ingest.charges.importing import prepare_charges
    from flexlib.ingest.files.importing import prepare_calls
    from flexlib.ingest.files.known import find_named, list_stored_files
    from flexlib.sources.files.mapping import CallMapping

    calls = [(file, mapping) for file, mapping in files if isinstance(mapping, CallMapping)]
    bills = [(file, mapping) for file, mapping in files if not isinstance(mapping, CallMapping)]
    named = [entry for _, entry in list_stored_files(settings.data, BILLS)] if calls and bills else []
    named += [{"name": file.name} for file, _ in bills]
    older = tuple(name for name in arguments.supersedes if bills and (not calls or find_named(named, name)))
    decisions, wait = read_decisions(arguments, settings), arguments.wait
    with ExitStack() as stack:
        stores: list[Callable[[], Sequence[FilesImport]]] = []
        if calls:
            said = replace(decisions, supersedes=tuple({*arguments.supersedes} - {*older}))
            hear: dict[str, Any] = {"note": _note, "show_progress": _show_progress}
            stores.append(stack.enter_context(prepare_calls(calls, settings.data, said, wait=wait, **hear)))
        if bills:
            said = replace(decisions, supersedes=older)
            stores.append(stack.enter_context(prepare_charges(bills, settings.data, said, wait=wait, note=_note)))
        return [month for store in stores for month in store()]


def read_decisions(arguments: argparse.Namespace, settings: Settings) -> Decisions:
    """What was said of files that meet others."""
    from flexlib.ingest.files.entries import Decisions

    return Decisions(
        replace_months=arguments.replace,
        drops_others=arguments.yes,
        supersedes=tuple(arguments.supersedes),
        distinct=arguments.distinct,
        most_unpriced=settings.most_unpriced,
        guard=settings.guard,
    )


def _note(text: str) -> None:
    print(clean_lines(text), file=sys.stderr)


def _show_progress(text: str) -> None:
    """On a terminal only: in a log it would say nothing that the certificates do not."""
    if sys.stderr.isatty():
        _note(text)
