"""`flexlib import`: a file of LLM calls brought into month snapshots, with the proof of what was taken."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.certificate import State
from flexlib.checks import explain_check
from flexlib.cli.import_columns import CHOSEN, LISTED, add_column_options
from flexlib.cli.options import Commands, add_command, find_exit_code
from flexlib.console.certificate import render_certificate
from flexlib.enums import GRAINS, LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import BadParameter
from flexlib.formats import format_count
from flexlib.money.extra_counts import EXTRA_COUNTS
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.ingest.charges.importing import ChargesImport
    from flexlib.ingest.files.importing import MonthImport
    from flexlib.sources.charges.mapping import ChargeMapping
    from flexlib.sources.files.mapping import CallMapping


EXAMPLES = """\
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

NOTHING_NEW = "nothing new: all of it is there already"
MOST_SHOWN = 5


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "import", "bring a file of LLM calls into month snapshots, with the proof", EXAMPLES)
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?",
                        help="a CSV, JSON lines or Parquet of calls, a row each")  # fmt: skip
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
    parser.add_argument("--replace", action="store_true", help="rebuild the file's months from this file alone")
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


def read_mapping(arguments: argparse.Namespace) -> CallMapping | ChargeMapping:
    """Which column feeds what: as the options say, on top of a preset where one is asked for, or nothing else says it.

    Raises `BadParameter`, and `BadFile` where no preset fits.
    """
    from flexlib.sources.files.mapping import CallMapping

    given = _read_given(arguments)
    if "created_at" in given and arguments.preset is None:
        return CallMapping(**given)
    from flexlib.sources.presets import choose_preset

    preset, columns = choose_preset(arguments.file, arguments.preset, delimiter=arguments.delimiter)
    return preset.build_mapping(columns, **given)


def _read_given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields of the mapping that options say."""
    from flexlib.sources.files.fields import MEMBERS

    said = vars(arguments)
    plain = ["created_at", "prompt_tokens", "completion_tokens", *COLUMNS, "timezone", "delimiter", "decimal", "grain"]
    other = ["provider_column", "model", "model_column", "proxy_column", "task_type_column", "usable_type"]
    given = {name: said[name] for name in [*plain, *other, "usable_type_column"]}
    given |= {name: said[name] for name in CHOSEN}
    given |= {name: tuple(said[name]) for name in LISTED}
    given |= {name: kind.parse(said[name]) for name, kind in MEMBERS.items() if said[name]}
    return {name: value for name, value in given.items() if value not in (None, ())}


def _print_presets(*, as_json: bool) -> None:
    from flexlib.sources.presets import describe_preset, list_presets

    presets = [describe_preset(one) for one in list_presets()]
    if as_json:
        print(json.dumps({"presets": presets}, indent=2, ensure_ascii=False))
        return
    for one in presets:
        print(f"{one['name']:18}{one['dataset']:9}{one['evidence']:12}{one['title']}\n{'':18}{one['source']}")


def run_import(arguments: argparse.Namespace, settings: Settings) -> int:
    """Imports, prints the certificates, gives the exit code: 3 when a row could not be taken."""
    if arguments.listed:
        _print_presets(as_json=arguments.json)
        return 0
    if arguments.file is None:
        raise BadParameter("which file is to be imported? Name it, or ask for --list.")
    from flexlib.ingest.charges.importing import ingest_charges
    from flexlib.ingest.files.importing import import_usage
    from flexlib.sources.files.mapping import CallMapping

    mapping = read_mapping(arguments)
    options = {"replace_months": arguments.replace, "wait": arguments.wait}
    months: Sequence[MonthImport | ChargesImport]
    if isinstance(mapping, CallMapping):
        months = import_usage(arguments.file, mapping, settings.data, **options)
    else:
        months = ingest_charges([arguments.file], mapping, settings.data, **options)
    if arguments.json:
        print(json.dumps(describe_import(arguments.file, months), indent=2, ensure_ascii=False))
    else:
        print(render_import(arguments.file, months), end="")
    for one in months:
        if one.certificate.state is not State.COMPLETE:
            print(f"{one.certificate.month} is {one.certificate.state}: {_explain_state(one)}", file=sys.stderr)
    return find_exit_code([one.certificate for one in months])


def describe_import(file: Path, months: Sequence[MonthImport | ChargesImport]) -> dict[str, Any]:
    """What an import did, for JSON."""
    return {
        "file": file.name,
        "months": [
            {"added_rows": one.added_rows, "is_new": one.is_new} | json.loads(one.certificate.to_json())
            for one in months
        ],
    }


def render_import(file: Path, months: Sequence[MonthImport | ChargesImport]) -> str:
    """What an import did, with each month's certificate. Ends with a newline."""
    parts = []
    for one in months:
        added = f"{format_count(one.added_rows, 'row')} added" if one.is_new else NOTHING_NEW
        if one.is_new and not one.added_rows:
            added += "; the month's amounts or its proof changed"
        parts.append(f"{file.name}, {one.certificate.month}: {added}.\n{render_certificate(one.certificate)}")
    return "\n".join(parts)


def _explain_state(month: MonthImport | ChargesImport) -> str:
    if month.certificate.state is State.PROVISIONAL:
        return "it was imported before the month was over; import again what comes after."
    if month.certificate.state is State.UNRECONCILED:
        sums = month.certificate.sums
        if "amounts_changed" in sums.reasons:
            return f"{explain_check(sums)}; a stored file was changed by hand. Import with --replace."
        return f"{explain_check(sums)}."
    rows = month.quarantined
    if not rows:
        return "rows of a file imported before could not be taken; the totals are a lower bound."
    shown = "; ".join(f"line {row.line}: {row.reason}" for row in rows[:MOST_SHOWN])
    more = f"; and {len(rows) - MOST_SHOWN:,} more, kept in raw/ beside the month" if len(rows) > MOST_SHOWN else ""
    count = "1 row" if len(rows) == 1 else f"{len(rows):,} rows"
    return (
        f"{count} could not be taken ({shown}{more}). "
        "The totals are a lower bound; put the file right and import it with --replace, then the month's other files."
    )
