"""The options of `flexlib import`: which files, which column feeds what, and what holds for files that meet others."""

from __future__ import annotations

import argparse

from flexlib.cli.options import Commands, add_command
from flexlib.enums import GRAINS, OPTIONS, LlmProvider, LlmProxy, LlmTaskType
from flexlib.i18n import _, mark_text
from flexlib.money.extra_counts import EXTRA_COUNTS

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
    "total_tokens": ("--total-tokens", mark_text("checked: must be prompt + completion")),
    "cached_tokens": ("--cached-tokens", mark_text("tokens read from a cache; give --cache too")),
    "cache_write_tokens": ("--cache-write-tokens", mark_text("tokens written to a cache; give --cache too")),
    "cost": ("--cost", mark_text("cost in the proxy's own unit, USD where there is none")),
    "amount_in_usd": ("--amount-usd", mark_text("amount in dollars")),
    "amount_in_clp": ("--amount-clp", mark_text("amount in Chilean pesos")),
    "duration_ms": ("--duration-ms", mark_text("how long the call took, in milliseconds")),
    "status": ("--status", mark_text("how it ended")),
    "usable_id": ("--usable-id", mark_text("id of whom the call was made for, a whole number")),
    "usable_key": ("--usable-key", mark_text("the same, where it is no number (for an e-mail an opaque key is kept)")),
    "tier": ("--tier", mark_text("service tier, such as batch")),
    "requests": ("--requests", mark_text("how many calls a row sums; give --grain too")),
    "request_id": ("--request-id", mark_text("the call's own id; without it, one is made from the row's content")),
}

FORMATS = ("csv", "json", "jsonl", "ndjson", "parquet", "tsv")

CHOSEN = (
    *("cache", "reasoning_tokens", "reasoning", "amount_unit", "amount_zero", "duration_unit", "currency_column"),
    *("batch_column", "bills", "date_order", "repeated"),
)
LISTED = ("metadata", "aliases", "extra_counts", "where", "no_calls", "not_billed", "billed", "direct")
"""Fields of the mapping that options give as they stand, and those that may be given again."""


def add_import_options(commands: Commands) -> argparse.ArgumentParser:
    """The command, as it is asked for."""
    parser = add_command(commands, "import", _("bring files of LLM calls and bills into month snapshots"), EXAMPLES)
    parser.add_argument("paths", metavar="PATH", nargs="*",
                        help=_("CSV, JSON (lines, an array, pages) or Parquet of calls, packed or in a .zip too; a "
                               "folder of them, a pattern in quotes, or - for the standard input"))  # fmt: skip
    parser.add_argument(
        "--format",
        choices=FORMATS,
        metavar="NAME",
        help=_("of the standard input: {formats} (default: by its first bytes)").format(formats=", ".join(FORMATS)),
    )
    parser.add_argument("--rows-path", metavar="PATH", help=_("where the rows of a JSON are, such as data[].results[]"))
    _add_preset_options(parser)
    needed = parser.add_argument_group(_("columns of the file (in JSON lines also paths, such as usage.prompt_tokens)"))
    needed.add_argument("--timestamp", dest="created_at", metavar="COLUMN",
                        help=_("when the call was made: ISO 8601, or seconds, milliseconds ... since 1970; without "
                               "it and without --from, the file's columns tell which system it is of"))  # fmt: skip
    needed.add_argument("--prompt-tokens", metavar="COLUMN", help=_("needed but for images, audio and video"))
    needed.add_argument("--completion-tokens", metavar="COLUMN", help=_("needed for text"))
    for name, (option, text) in COLUMNS.items():
        needed.add_argument(option, dest=name, metavar="COLUMN", help=_(text))
    _add_column_options(needed)
    needed.add_argument("--metadata", metavar="COLUMN", action="append", default=[],
                        help=_("a column to keep in the metadata (no personal data!); may be given again"))  # fmt: skip
    needed.add_argument(
        "--extra-count",
        dest="extra_counts",
        metavar="NAME=COLUMN",
        action="append",
        default=[],
        help=_("a count that lists may price by itself, NAME one of {extra_counts}; may be given again").format(
            extra_counts=", ".join(EXTRA_COUNTS)
        ),
    )
    fixed = parser.add_argument_group(_("what holds for every row, or the column that tells it"))
    for name, text, members in (
        ("provider", _("who made the model (default: as openai/gpt-4 says in the column of models)"), LlmProvider),
        ("model", _("such as gpt-4"), None),
        ("proxy", _("who stood between (default: nobody)"), LlmProxy),
        ("task-type", _("default text"), LlmTaskType),
        ("usable-type", _("what the usable id is the id of, such as user"), None),
    ):
        listed = f"{text}: {', '.join(members)}" if members else text
        fixed.add_argument(f"--{name}", metavar="NAME", help=listed)
        fixed.add_argument(f"--{name}-column", metavar="COLUMN")
    fixed.add_argument("--grain", choices=sorted(GRAINS), metavar="GRAIN",
                       help=_("of what a row is: a call (default), or the sum of an hour, a day, a month"))  # fmt: skip
    fixed.add_argument("--alias", dest="aliases", metavar="WORD=NAME", action="append", default=[],
                       help=_("what a word in the columns of providers, proxies and task types means, such as "
                              "Azure=openai or bedrock=unknown; none= says nothing; may be given again"))  # fmt: skip
    parser.add_argument("--timezone", metavar="ZONE",
                        help=_("of times that name none, such as America/Santiago (default UTC)"))  # fmt: skip
    parser.add_argument(
        "--delimiter", metavar="CHARACTER", help=_("between columns (default: the commonest of , ; tab |)")
    )
    parser.add_argument("--decimal", choices=[".", ","], metavar="CHARACTER",
                        help=_("before the decimals of a number: , where it is written 1.234,5 and . where 1,234.5 "
                               "(default: a dot, and what may be thousands, such as 1.000, is not taken)"))  # fmt: skip
    parser.add_argument("--replace", action="store_true", help=_("rebuild the files' months from these files alone"))
    parser.add_argument(
        "--yes",
        action="store_true",
        help=_(
            "with --replace or --supersedes, even where that drops what these files do not have, or reads a file "
            "otherwise than the one that it supersedes"
        ),
    )
    parser.add_argument("--supersedes", metavar="OLDFILE", action="append", default=[],
                        help=_("drop the older file's rows in the time that these files also cover, as of an "
                               "export of the month so far; of a file that is given itself, what it said when it "
                               "was read by other columns; may be given again"))  # fmt: skip
    parser.add_argument(
        "--distinct",
        action="store_true",
        help=_("these files hold different calls from those imported before, and each row is counted"),
    )
    parser.add_argument("--wait", action="store_true", help=_("wait when another run writes the same month"))
    parser.add_argument("--json", action="store_true", help=_("the certificates as JSON"))
    return parser


def _add_preset_options(parser: argparse.ArgumentParser) -> None:
    others = ", ".join(f"{field} (--{option})" for field, option in OPTIONS.items() if option)
    group = parser.add_argument_group(
        _("files of systems that are known"),
        _("A YAML file names its fields as the options do, with _ for -, but for {others}.").format(others=others),
    )
    group.add_argument("--from", dest="preset", metavar="NAME|FILE",
                       help=_("how the file is read: one of --list, or a YAML file of your own; options for "
                              "columns come on top (default: told by the file's columns)"))  # fmt: skip
    group.add_argument("--skip-unknown", action="store_true",
                       help=_("leave out, and name, the files that are of no known system"))  # fmt: skip
    group.add_argument("--list", dest="listed", action="store_true",
                       help=_("the systems that are known, and how well (with --json: as JSON)"))  # fmt: skip


def _add_column_options(group: argparse._ArgumentGroup) -> None:
    for option, choices, text in (
        ("cache", ("apart", "included"), _("whether the cached and written tokens stand apart, and are "
         "added, or are included (default: each row's total tells)")),
        ("reasoning", ("apart", "included"), _("whether the tokens of reasoning stand apart, and are added, or "
         "are included (default: each row's total tells)")),
        ("amount-unit", ("usd", "cents"), _("of the amount and the cost (default usd)")),
        ("amount-zero", ("known", "unknown"), _("what an amount of 0 beside tokens is (default: 0, but the "
         "certificate says that the sum may be more)")),
        ("duration-unit", ("ms", "s"), _("of the duration (default ms)")),
        ("date-order", ("dmy", "mdy"), _("of dates such as 05/10/2026 (default: a day above 12 tells)")),
        ("repeated", ("refuse", "last"), _("of rows with the same id that differ, all but the first are "
         "refused (default), or the last is taken")),
    ):  # fmt: skip
        group.add_argument(f"--{option}", choices=choices, help=text)
    group.add_argument("--bills", metavar="calls|other|MAKERS",
                       help=_("whether a bill pays for the calls that are counted, its fees too, or for none of "
                              "them (default: its lines of usage do); of a cloud's bill, whose models' calls it "
                              "pays for, such as google,anthropic"))  # fmt: skip
    for option, name, text in (
        ("reasoning-tokens", "reasoning_tokens", _("tokens of reasoning")),
        ("currency-column", "currency_column", _("of the amount and the cost; in others than USD the file is refused")),
        ("tier-column", "tier", _("the same as --tier")),
        ("batch-column", "batch_column", _("whether the tier is batch: true or false")),
        ("key-column", "usable_key", _("the same as --usable-key")),
    ):
        group.add_argument(f"--{option}", dest=name, metavar="COLUMN", help=text)
    for option, name, text in (
        ("where", "where", _("rows to take, such as type=a|b or type!=c; the others are left out, and counted")),
        ("no-call", "no_calls", _("rows to leave out, and count by name, such as 'failed calls: status=error & out='")),
        ("not-billed", "not_billed", _("rows that cost nothing, whatever their amount")),
        ("billed", "billed", _("rows whose amount is billed; of what is neither, the amount is not known")),
        ("direct", "direct", _("rows without a proxy, whatever that of the others")),
    ):
        group.add_argument(f"--{option}", dest=name, metavar="CONDITION", action="append", default=[],
                           help=_("{text}; may be given again").format(text=text))  # fmt: skip
