"""`flexlib import`: files of LLM calls brought into month snapshots, with the proof of what was taken."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.certificate import State
from flexlib.cli.import_columns import CHOSEN, LISTED, add_column_options
from flexlib.cli.import_output import describe_import, explain_month, print_presets, render_import
from flexlib.cli.options import Commands, add_command, find_exit_code
from flexlib.enums import GRAINS, LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import BadParameter
from flexlib.money.extra_counts import EXTRA_COUNTS
from flexlib.settings import Settings
from flexlib.sources.registry import BILLS

if TYPE_CHECKING:
    from flexlib.ingest.files.entries import Decisions
    from flexlib.ingest.files.importing import FilesImport
    from flexlib.sources.charges.mapping import ChargeMapping
    from flexlib.sources.files.mapping import CallMapping
    from flexlib.sources.files.paths import InputFile


EXAMPLES = """\
  flexlib import usage-events.csv cost.csv
  flexlib import exports/
  flexlib import calls.csv --from my_gateway.yaml
  flexlib import calls.csv --provider openai --model gpt-4 \\
      --timestamp TIMESTAMP --prompt-tokens ContextTokens --completion-tokens GeneratedTokens
  flexlib import log.jsonl.gz --provider-column vendor --model-column model --timestamp time \\
      --prompt-tokens usage.prompt_tokens --completion-tokens usage.completion_tokens --request-id id
  flexlib import calls.parquet --provider anthropic --model-column model --proxy openrouter --timestamp at \\
      --timezone America/Santiago --prompt-tokens input --completion-tokens output --amount-usd usd --metadata team"""

COLUMNS = {
    "total_tokens": ("--total-tokens", "checked: must be prompt + completion"),
    "cached_tokens": ("--cached-tokens", "tokens read from a cache; give --cache too"),
    "cache_write_tokens": ("--cache-write-tokens", "tokens written to a cache; give --cache too"),
    "cost": ("--cost", "cost in the proxy's own unit, USD where there is none"),
    "amount_in_usd": ("--amount-usd", "amount in dollars"),
    "amount_in_clp": ("--amount-clp", "amount in Chilean pesos"),
    "duration_ms": ("--duration-ms", "how long the call took, in milliseconds"),
    "status": ("--status", "how it ended"),
    "usable_id": ("--usable-id", "id of whom the call was made for, a whole number"),
    "usable_key": ("--usable-key", "the same, where it is no number (for an e-mail an opaque key is kept)"),
    "tier": ("--tier", "service tier, such as batch"),
    "requests": ("--requests", "how many calls a row sums; give --grain too"),
    "request_id": ("--request-id", "the call's own id; without it, one is made from the row's content"),
}

FORMATS = ("csv", "json", "jsonl", "ndjson", "parquet", "tsv")


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "import", "bring files of LLM calls and bills into month snapshots", EXAMPLES)
    parser.add_argument("paths", metavar="PATH", nargs="*",
                        help="CSV, JSON (lines, an array, pages) or Parquet of calls, packed or in a .zip too; a "
                             "folder of them, a pattern in quotes, or - for the standard input")  # fmt: skip
    parser.add_argument("--format", choices=FORMATS, metavar="NAME",
                        help=f"of the standard input: {', '.join(FORMATS)} (default: by its first bytes)")  # fmt: skip
    parser.add_argument("--rows-path", metavar="PATH", help="where the rows of a JSON are, such as data[].results[]")
    _add_preset_options(parser)
    needed = parser.add_argument_group("columns of the file (in JSON lines also paths, such as usage.prompt_tokens)")
    needed.add_argument("--timestamp", dest="created_at", metavar="COLUMN",
                        help="when the call was made: ISO 8601, or seconds, milliseconds ... since 1970; without it "
                             "and without --from, the file's columns tell which system it is of")  # fmt: skip
    needed.add_argument("--prompt-tokens", metavar="COLUMN", help="needed but for images, audio and video")
    needed.add_argument("--completion-tokens", metavar="COLUMN", help="needed for text")
    for name, (option, text) in COLUMNS.items():
        needed.add_argument(option, dest=name, metavar="COLUMN", help=text)
    add_column_options(needed)
    needed.add_argument("--metadata", metavar="COLUMN", action="append", default=[],
                        help="a column to keep in the metadata (no personal data!); may be given again")  # fmt: skip
    needed.add_argument("--extra-count", dest="extra_counts", metavar="NAME=COLUMN", action="append", default=[],
                        help=f"a count that lists may price by itself, NAME one of {', '.join(EXTRA_COUNTS)}; "
                             "may be given again")  # fmt: skip
    fixed = parser.add_argument_group("what holds for every row, or the column that tells it")
    for name, text, members in (
        ("provider", "who made the model (default: as openai/gpt-4 says in the column of models)", LlmProvider),
        ("model", "such as gpt-4", None),
        ("proxy", "who stood between (default: nobody)", LlmProxy),
        ("task-type", "default text", LlmTaskType),
        ("usable-type", "what the usable id is the id of, such as user", None),
    ):
        listed = f"{text}: {', '.join(members)}" if members else text
        fixed.add_argument(f"--{name}", metavar="NAME", help=listed)
        fixed.add_argument(f"--{name}-column", metavar="COLUMN")
    fixed.add_argument("--grain", choices=sorted(GRAINS), metavar="GRAIN",
                       help="of what a row is: a call (default), or the sum of an hour, a day, a month")  # fmt: skip
    fixed.add_argument("--alias", dest="aliases", metavar="WORD=NAME", action="append", default=[],
                       help="what a word in the columns of providers, proxies and task types means, such as "
                            "Azure=openai or bedrock=unknown; none= says nothing; may be given again")  # fmt: skip
    parser.add_argument("--timezone", metavar="ZONE",
                        help="of times that name none, such as America/Santiago (default UTC)")  # fmt: skip
    parser.add_argument(
        "--delimiter", metavar="CHARACTER", help="between columns (default: the commonest of , ; tab |)"
    )
    parser.add_argument("--decimal", choices=[".", ","], metavar="CHARACTER",
                        help="before the decimals of a number: , where it is written 1.234,5 and . where 1,234.5 "
                             "(default: a dot, and what may be thousands, such as 1.000, is not taken)")  # fmt: skip
    parser.add_argument("--replace", action="store_true", help="rebuild the files' months from these files alone")
    parser.add_argument("--yes", action="store_true", help="with --replace, even where that drops files of other names")
    parser.add_argument("--supersedes", metavar="OLDFILE", action="append", default=[],
                        help="drop the rows of that older file in the periods that these files have too, as of an "
                             "export of the month so far; may be given again")  # fmt: skip
    parser.add_argument("--distinct", action="store_true",
                        help="these files' calls are others than those of the files before them")  # fmt: skip
    parser.add_argument("--wait", action="store_true", help="wait when another run writes the same month")
    parser.add_argument("--json", action="store_true", help="the certificates as JSON")
    parser.set_defaults(run=run_import)


def _add_preset_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("files of systems that are known")
    group.add_argument("--from", dest="preset", metavar="NAME|FILE",
                       help="how the file is read: one of --list, or a YAML file of your own; options for columns "
                            "come on top (default: told by the file's columns)")  # fmt: skip
    group.add_argument("--list", dest="listed", action="store_true",
                       help="the systems that are known, and how well (with --json: as JSON)")  # fmt: skip


def read_mapping(arguments: argparse.Namespace, file: InputFile) -> CallMapping | ChargeMapping:
    """Which column feeds what: as the options say, on top of a preset where one is asked for, or nothing else says it;
    then the file itself tells which.

    Raises `BadParameter`, and `BadFile` where no preset fits.
    """
    from flexlib.sources.files.fields import MEMBERS
    from flexlib.sources.files.mapping import CallMapping

    given = _read_given(arguments)
    if "created_at" in given and arguments.preset is None:
        if "bills" in given:
            raise BadParameter(
                "--bills is for a file of charges, and --timestamp of one of calls; leave one of them out."
            )
        return CallMapping(**given | {name: kind.parse(given[name]) for name, kind in MEMBERS.items() if name in given})
    from flexlib.sources.files import name_in_errors
    from flexlib.sources.presets import choose_preset

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
    """Imports, prints the certificates, gives the exit code: 3 when a row could not be taken."""
    if arguments.listed:
        print_presets(as_json=arguments.json)
        return 0
    if not arguments.paths:
        raise BadParameter("which file is to be imported? Name it, or ask for --list.")
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
            _note(f"Left out, as they do not end like a file of calls: {', '.join(found.others)}.")
        months = _import([(file, read_mapping(arguments, file)) for file in found.files], arguments, settings)
    if arguments.json:
        print(json.dumps(describe_import(found.files, months), indent=2, ensure_ascii=False))
    else:
        print(render_import(found.files, months), end="")
    for one in months:
        if one.certificate.state is not State.COMPLETE:
            print(f"{one.certificate.month} is {one.certificate.state}: {explain_month(one)}", file=sys.stderr)
    return find_exit_code([one.certificate for one in months])


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
    stored = [entry for _, entry in list_stored_files(settings.data, BILLS)] if calls and bills else []
    older = tuple(name for name in arguments.supersedes if not calls or find_named(stored, name))
    decisions, wait = read_decisions(arguments, settings), arguments.wait
    with ExitStack() as stack:
        stores: list[Callable[[], Sequence[FilesImport]]] = []
        if calls:
            said = replace(decisions, supersedes=tuple({*arguments.supersedes} - {*older}))
            hear: dict[str, Any] = {"note": _note, "show_progress": _show_progress}
            stores.append(stack.enter_context(prepare_calls(calls, settings.data, said, wait=wait, **hear)))
        if bills:
            said = replace(decisions, supersedes=older)
            stores.append(stack.enter_context(prepare_charges(bills, settings.data, said, wait=wait)))
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
    )


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _show_progress(text: str) -> None:
    """On a terminal only: in a log it would say nothing that the certificates do not."""
    if sys.stderr.isatty():
        _note(text)
