"""What a row means: whose call it is, what its counts are part of, what its amount stands for; SQL that reads it.

Tokens of a cache stand in the prompt of some exports and beside that of others, and so do those of reasoning and the
completion. A row that proves another meaning than the one that is read, and a file that proves none, is no matter of
that row: every total of the file would be wrong. An amount is nothing where it is not billed or not known, and a credit
where it is below 0.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from flexlib.enums import NOT_SAID_BILLED, SOURCE_SAYS_ZERO
from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.sources.files.codex import ASKED
from flexlib.sources.files.conditions import OTHER_ROWS, read_conditions, read_kinds, write_any, write_condition
from flexlib.sources.files.fields import MEMBERS, read_aliases, read_members
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.numbers import IN_DOLLARS
from flexlib.sources.files.texts import quote

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
    counts = {"prompt_tokens": f"raw_prompt_tokens + {added['cache']}",
        "completion_tokens": f"raw_completion_tokens + {added['reasoning']}"}  # fmt: skip
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
    for name, (whole, __) in WHOLES.items():
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
        raise BadFile(_("{name} cannot be read like this; line {line}: {doubt}.")
            .format(name=file.name, line=line, doubt=doubt))  # fmt: skip


def name_conditions(mapping: CallMapping) -> dict[str, str]:
    """Under which name the text of each column stands that a condition asks for."""
    return {column: f"condition_{place}" for place, column in enumerate(mapping.conditions)}


def find_kind(mapping: CallMapping, names: dict[str, str]) -> str:
    """SQL of what a row is that is no call; null for a call, and for what cannot be read."""
    told = read_kinds([*mapping.no_calls, *ASKED.get(mapping.reader, ())])
    kinds = {kind: write_any(several, names) for kind, several in told.items()}
    if mapping.where:
        is_other = " AND ".join(f"({write_condition(read_conditions(text), names)})" for text in mapping.where)
        kinds = {OTHER_ROWS: f"NOT ({is_other})"} | kinds
    cases = " ".join(f"WHEN {condition} THEN {quote(kind)}" for kind, condition in kinds.items())
    return f"CASE WHEN problem IS NOT NULL THEN NULL {cases} END"


def is_direct(mapping: CallMapping) -> str:
    """SQL that is true of a row called directly, whatever its proxy would be."""
    return write_any(map(read_conditions, mapping.direct), name_conditions(mapping))


TOTALS = (
    "total", "totals", "grand total", "subtotal", "sub-total", "net total", "invoice total", "usage total",
    "monthly total", "amount due", "amount payable", "balance due", "importe total", "monto total", "gesamtbetrag",
    "rechnungsbetrag", "zwischensumme", "gesamtsumme",
)  # fmt: skip
"""What a cell of a row that sums others begins with, in lower case, such as `Total due` or `TOTAL (USD)`."""
WHOLE_TOTALS = (*TOTALS, "sum", "summe", "gesamt", "suma", "net", "net amount", "neto", "netto", "nettobetrag")
"""What is the whole of such a cell."""
TOTAL = f"(?i)(?:{'|'.join(TOTALS)})(?:[ :(].*)?|(?:{'|'.join(WHOLE_TOTALS)}):?"
TOTAL_IN_REST = "(?i)" + "|".join(f':{len(word)}:{word}|:"{word}"' for word in WHOLE_TOTALS)
"""Such a cell in what a row says in other columns: after its length, or in JSON."""
ALL_MODELS = ("all", "all models")
"""What stands in the place of a model where a row is of all, and so may sum the others."""
TOTAL_TEXTS = ("created_at", "model", "provider", "proxy", "task_type", "status", "usable_key")


def find_total(mapping: CallMapping) -> str:
    """SQL of whether a row may be the sum of others: 2 where it is no call in any case, 1 where its counts decide."""
    unread = {"created_at": "value_created_ns IS NULL AND "}  # no time is such a word, and to look is dear
    texts = (*TOTAL_TEXTS, *name_conditions(mapping).values())
    cells = [f"{unread.get(name, '')}coalesce(regexp_full_match({name}, {quote(TOTAL)}), false)" for name in texts]
    maybe = [*cells[2:], f"coalesce(lower(model) IN {ALL_MODELS}, false)"]
    maybe += [f"coalesce(regexp_matches({name}, {quote(TOTAL_IN_REST)}), false)" for name in ("rest", "metadata")]
    return f"CASE WHEN {' OR '.join(cells[:2])} THEN 2 WHEN {' OR '.join(maybe)} THEN 1 END"


CREDIT = "credit"
"""The model of a credit that names none."""


def list_amounts(mapping: CallMapping) -> list[str]:
    """The fields of dollars that a column feeds."""
    return [name for name in IN_DOLLARS if name in mapping.columns]


def is_credit(mapping: CallMapping, prefix: str = "value_") -> str | None:
    """SQL that is true of a row that gives money back, and so need not be a call; None where no column has amounts,
    which stand under `prefix` and their names."""
    below = [f"coalesce({prefix}{name} < 0, false)" for name in list_amounts(mapping)]
    return f"({' OR '.join(below)})" if below else None


def bill_rows(mapping: CallMapping, names: dict[str, str]) -> dict[str, str]:
    """SQL of what is kept of the amounts, over `value_` and the texts of conditions, which stand under `names`.

    Only those that are not kept as they stand; and `free_usd`, what rows say that cost nothing.
    """
    kept = {name: f"value_{name}" for name in list_amounts(mapping)}
    is_free, is_billed = (write_any(map(read_conditions, one), names) for one in (mapping.not_billed, mapping.billed))
    if mapping.direct:  # the seller asks nothing of what the maker bills, at a price that the row does not say
        of_maker = is_direct(mapping)
        kept = {name: f"CASE WHEN {of_maker} THEN nullif({sql}, 0) ELSE {sql} END" for name, sql in kept.items()}
    if mapping.amount_zero == "unknown":
        is_used = "value_prompt_tokens + value_completion_tokens > 0" + f" AND NOT ({is_free})" * bool(is_free)
        no_amount = f"greatest({', '.join(f'abs({amount})' for amount in kept.values())}) = 0"
        kept = {name: f"CASE WHEN {is_used} THEN nullif({sql}, 0) ELSE {sql} END" for name, sql in kept.items()}
        kept["unpriced"] = f"CASE WHEN {no_amount} AND {is_used} THEN '{SOURCE_SAYS_ZERO}' END"
    if is_billed and (amounts := list_amounts(mapping)):
        is_known = " OR ".join(filter(None, (is_billed, is_free)))
        is_doubted = f"(NOT ({is_known}) AND greatest({', '.join(f'abs(value_{name})' for name in amounts)}) > 0)"
        kept |= {name: f"CASE WHEN NOT {is_doubted} THEN {kept[name]} END" for name in amounts}
        reason = kept.get("unpriced", "NULL::VARCHAR")
        kept["unpriced"] = f"CASE WHEN {is_doubted} THEN '{NOT_SAID_BILLED}' ELSE {reason} END"
    if is_free:
        amount = kept.get("amount_in_usd", "NULL::DECIMAL(20, 10)")
        kept["amount_in_usd"] = f"CASE WHEN {is_free} THEN 0 ELSE {amount} END"
        if "amount_in_usd" in mapping.columns:
            kept["free_usd"] = f"CASE WHEN {is_free} THEN nullif(value_amount_in_usd, 0) END"
        if "amount_in_clp" in mapping.columns:
            kept["amount_in_clp"] = f"CASE WHEN {is_free} THEN 0 ELSE value_amount_in_clp END"
    return {name: sql for name, sql in kept.items() if sql != f"value_{name}"}


def find_currency(mapping: CallMapping) -> str:
    """SQL of the currency of a row that has an amount in another than the dollar; null of any other."""
    amounts = " OR ".join(f"{name} IS NOT NULL" for name in list_amounts(mapping)) or "false"
    return f"CASE WHEN upper(currency) NOT IN ('USD', 'US$', '$') AND ({amounts}) THEN upper(currency) END"


def check_currency(connection: duckdb.DuckDBPyConnection, file: Path, mapping: CallMapping) -> None:
    """Raises `BadFile` for amounts in another currency than the dollar: no total adds them."""
    fixed = (mapping.currency or "USD").upper()
    found, alone = [fixed] if fixed != "USD" else [], ""
    if "currency" in mapping.columns:
        alone = f" (--where {mapping.currency_column}=USD)"
        first = "SELECT line, other_currency FROM judged WHERE other_currency NOTNULL AND fault IS NULL ORDER BY line"
        said = _("{currency} (line {line})")
        for line, other in connection.execute(f"{first} LIMIT 1").fetchall():
            found.append(said.format(currency=other, line=line))
    if found:
        raise BadFile(_("{name} has amounts in {other}, which no total adds to dollars; import its rows in "
            "USD alone{alone}, or leave the column of amounts out: the price list then prices the calls.")
            .format(name=file.name, other=found[0], alone=alone))  # fmt: skip


MAKER = "CASE WHEN contains(model, '/') THEN trim(split_part(model, '/', 1)) END"


def find_words(mapping: CallMapping) -> dict[str, str]:
    """SQL for the text that names each member; null where there is none, or an alias says that it means nothing."""
    words = {}
    for name, aliases in read_aliases(mapping.aliases).items():
        text = _read_name(name, mapping) if name in mapping.told_by_model else name
        empty = ", ".join(quote(word) for word in ["", *(word for word, member in aliases.items() if not member)])
        words[name] = f"CASE WHEN lower({text}) NOT IN ({empty}) THEN {text} END"
    return words


def _read_name(field: str, mapping: CallMapping) -> str:
    """SQL for whom the name of a model tells: by the mapping's patterns, else the maker before its slash."""
    patterns, other = (mapping.makers, MAKER) if field == "provider" else (mapping.sellers, "NULL")
    found = read_members(field, patterns).items()
    fits = [f"WHEN lower(model) GLOB {quote(one)} THEN {quote(member)}" for one, member in found]
    return f"CASE {' '.join(fits)} ELSE {other} END" if fits else other


def name_member(field: str, mapping: CallMapping) -> str:
    """SQL for the member that a text names; null where it names none, the mapping's own where there is no text."""
    texts = MEMBERS[field].spellings() | read_aliases(mapping.aliases)[field]
    spellings = ", ".join(f"{quote(text)}: {quote(member)}" for text, member in texts.items() if member)
    constant = write_constant(getattr(mapping, field))
    if field not in {*mapping.columns, *mapping.told_by_model}:
        return constant
    return f"CASE WHEN {field} IS NULL THEN {constant} ELSE (MAP {{{spellings}}})[lower({field})] END"


def write_constant(text: str | None) -> str:
    return "NULL::VARCHAR" if text is None else quote(text)
