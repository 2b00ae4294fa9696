"""What the counts of a row are part of: read as the mapping says, or as its total proves; a contradiction is found.

Tokens of a cache stand in the prompt of some exports and beside that of others, and so do those of reasoning and the
completion. A row that proves another meaning than the one that is read, and a file that proves none, is no matter of
that row: every total of the file would be wrong.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from flexlib.errors import BadFile
from flexlib.sources.files.mapping import CallMapping

PARTS = {"cache": "cached and written tokens", "reasoning": "reasoning tokens"}
WHOLES = {"cache": ("prompt", "prompt_tokens"), "reasoning": ("completion", "completion_tokens")}
"""What they are part of, or stand beside: a word, and the field."""
UNTOLD = "nothing says"


def read_meaning(mapping: CallMapping) -> dict[str, str | None]:
    """Whether the tokens of the cache and of reasoning are `apart` or `included`; None where each row's total tells."""
    old = "included" if mapping.rules == 1 else None  # as files were read before anyone asked
    return {"cache": mapping.cache or old, "reasoning": mapping.reasoning or old}


def has_parts(mapping: CallMapping) -> bool:
    """Whether a row has counts that may be part of others, or beside them."""
    return bool({"cached_tokens", "cache_write_tokens", "reasoning_tokens"} & mapping.columns.keys())


def type_parts(mapping: CallMapping, values: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Of the SQL of each value: what is to be read first (under `raw_`), and prompt and completion made of that.

    Both are as they stand where nothing is beside them.
    """
    names = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens")
    raw = {f"raw_{name}": values[name] for name in (*names, "reasoning_tokens")}
    raw["raw_total_tokens"] = f"({raw['raw_total_tokens']})::BIGINT"
    raw["raw_cache"] = "raw_cached_tokens + raw_cache_write_tokens"
    raw["raw_reasoning"] = "coalesce(raw_reasoning_tokens, 0)"
    raw["raw_sum"] = "raw_prompt_tokens + raw_completion_tokens"
    added = {}
    meaning = read_meaning(mapping)
    for name, other in (("cache", "reasoning"), ("reasoning", "cache")):
        beside = f"raw_{other}" if meaning[other] == "apart" else "0"
        alone = f"raw_total_tokens = raw_sum + {beside} + raw_{name}"
        both = f"raw_total_tokens = raw_sum + raw_{name} + raw_{other}" if meaning[other] is None else "false"
        # Where the two are the same number, the total cannot tell which of them it holds.
        clear = f"raw_{name} <> raw_{other}" if meaning[other] is None else "true"
        proven = f"raw_total_tokens <> raw_sum + {beside} AND ({alone} AND {clear} OR {both})"
        found = {"apart": f"raw_{name}", "included": "0", None: f"CASE WHEN {proven} THEN raw_{name} ELSE 0 END"}
        added[name] = found[meaning[name]]
    counts = {
        "prompt_tokens": f"raw_prompt_tokens + {added['cache']}",
        "completion_tokens": f"raw_completion_tokens + {added['reasoning']}",
    }
    counts |= {name: f"raw_{name}" for name in ("total_tokens", "cached_tokens", "cache_write_tokens")}
    return raw, counts | {"reasoning_tokens": "raw_reasoning_tokens"}


def find_doubt(mapping: CallMapping) -> str:
    """SQL of what a row says against how the counts of the whole file are read; null where it says nothing."""
    total = "value_prompt_tokens + value_completion_tokens"
    doubts = {
        f"raw_{name} > value_{count}": f"format('its {PARTS[name]} ({{}}) are more than its {whole} ({{}}), so they "
        f"stand beside it: give --{name} apart', raw_{name}, raw_{count})"
        for name, (whole, count) in WHOLES.items()
    }
    for name, (whole, _) in WHOLES.items():
        if read_meaning(mapping)[name] is None:
            doubts[f"raw_{name} > 0 AND raw_total_tokens IS DISTINCT FROM {total}"] = (
                f"format('{UNTOLD} whether its {PARTS[name]} ({{}}) are in its {whole} or beside it: "
                f"give --{name} included or --{name} apart', raw_{name})"
            )
    doubts[f"raw_cache + raw_reasoning > 0 AND raw_total_tokens <> {total}"] = (
        "format('its total ({}) is not prompt + completion as they are read ({}): say by --cache and --reasoning what "
        f"stands beside them, or leave --total-tokens out', raw_total_tokens, {total})"
    )
    return f"CASE {' '.join(f'WHEN {condition} THEN {told}' for condition, told in doubts.items())} END"


def check_meaning(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Raises `BadFile` for a doubt in `judged`."""
    found = connection.execute(f"""
        SELECT line, doubt FROM judged WHERE doubt IS NOT NULL AND fault IS NULL
        ORDER BY starts_with(doubt, '{UNTOLD}'), line LIMIT 1""").fetchall()
    for line, doubt in found:  # a row that proves something says more than one that does not
        raise BadFile(f"{file.name} cannot be read like this; line {line}: {doubt}.")
