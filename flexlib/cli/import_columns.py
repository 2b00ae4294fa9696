"""The options of `flexlib import` that say what stands in a file's columns, beyond which is which."""

from __future__ import annotations

import argparse

CHOSEN = (
    *("cache", "reasoning_tokens", "reasoning", "amount_unit", "amount_zero", "duration_unit", "currency_column"),
    *("batch_column", "bills", "date_order", "repeated"),
)
LISTED = ("metadata", "aliases", "extra_counts", "where", "no_calls", "not_billed", "direct")
"""Fields of the mapping that options give as they stand, and those that may be given again."""


def add_column_options(group: argparse._ArgumentGroup) -> None:
    apart = "stand apart, and are added, or are included (default: each row's total tells)"
    for option, choices, text in (
        ("cache", ("apart", "included"), f"whether the cached and written tokens {apart}"),
        ("reasoning", ("apart", "included"), f"whether the tokens of reasoning {apart}"),
        ("amount-unit", ("usd", "cents"), "of the amount and the cost (default usd)"),
        ("amount-zero", ("known", "unknown"), "what an amount of 0 beside tokens is (default: 0, but the certificate "
         "says that the sum may be more)"),
        ("duration-unit", ("ms", "s"), "of the duration (default ms)"),
        ("date-order", ("dmy", "mdy"), "of dates such as 05/10/2026 (default: a day above 12 tells)"),
        ("repeated", ("refuse", "last"), "of rows with the same id that differ, all but the first are refused "
         "(default), or the last is taken"),
        ("bills", ("calls", "other"), "whether a bill pays for the calls that are counted, its fees too, or for none "
         "of them (default: its lines of usage do)"),
    ):  # fmt: skip
        group.add_argument(f"--{option}", choices=choices, help=text)
    for option, name, text in (
        ("reasoning-tokens", "reasoning_tokens", "tokens of reasoning"),
        ("currency-column", "currency_column", "of the amount and the cost; in others than USD the file is refused"),
        ("tier-column", "tier", "the same as --tier"),
        ("batch-column", "batch_column", "whether the tier is batch: true or false"),
        ("key-column", "usable_key", "the same as --usable-key"),
    ):
        group.add_argument(f"--{option}", dest=name, metavar="COLUMN", help=text)
    for option, name, text in (
        ("where", "where", "rows to take, such as type=a|b or type!=c; the others are left out, and counted"),
        ("no-call", "no_calls", "rows to leave out, and count by name, such as 'failed calls: status=error & out='"),
        ("not-billed", "not_billed", "rows that cost nothing, whatever their amount"),
        ("direct", "direct", "rows without a proxy, whatever that of the others"),
    ):
        group.add_argument(f"--{option}", dest=name, metavar="CONDITION", action="append", default=[],
                           help=f"{text}; may be given again")  # fmt: skip
