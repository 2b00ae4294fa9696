"""Numbers as files of calls write them: 1234.5 by programs, 1.234,5 or $1,234.50 by people; SQL that reads all of them.

Where nobody said what the dot means, a text such as 1.000 is one in one country and a thousand in another: it is
refused, with the option that says it. The numbers of JSON and Parquet are no texts; their dot is always the decimals'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flexlib.schema import EXTRA_COUNTS

MOST_TOKENS = 10**15
"""Of a row; more than that nobody has used, and a few times as much is still an integer of 64 bits."""

COUNTS = (
    *("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens"),
    "reasoning_tokens",
)
PARTS = (*EXTRA_COUNTS, "requests")
"""Counts that a row may have besides; null where nothing is said of them."""
AMOUNTS = {"cost": 10, "amount_in_usd": 10, "amount_in_clp": 4}
"""With the decimals that each is kept with. One below 0 is a credit."""
MOST_DIGITS = 20
"""Of an amount, its decimals among them."""
IN_DOLLARS = ("cost", "amount_in_usd")
FRACTIONS = (*AMOUNTS, "duration_ms")
"""Numbers with decimals: SQL sees each as programs write it too, under `plain_` and its name."""
NUMBERS = (*COUNTS, *PARTS, *AMOUNTS, "duration_ms", "usable_id")
"""The fields whose texts are numbers. Of each, `texts` has a `typed_` too: whether the file's format says it is one."""
SUMMED = frozenset(NUMBERS) - {"usable_id"}
"""Those that may be the sum of several columns."""

AMBIGUOUS = r"[1-9]\d{0,2}((\.\d{3})+|\.(000)+)"
"""Thousands or decimals; 0.125 and 1234.500 can only be decimals."""

WORDS = ("-", "–", "—", "free", "included")  # noqa: RUF001 - dashes, as spreadsheets write them
"""What stands for an amount that is not told. What it means, the file alone does not say: not that nothing was paid."""

SYMBOL = r"(?:US\$|USD|\$)?\s*"
WRITTEN = rf"^{SYMBOL}(\(?)\s*([-−]?)\s*{SYMBOL}((?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*{SYMBOL}(\)?)$"  # noqa: RUF001
"""An amount as people write it: $1.32, -$0.50, (0.50), 1,234.50 USD."""

MACROS = r"""
CREATE MACRO read_whole(x) AS
    CASE WHEN regexp_full_match(x, '\d+(\.0*)?') THEN try_cast(split_part(x, '.', 1) AS BIGINT) END;
CREATE MACRO read_number(x) AS CASE WHEN regexp_full_match(x, '(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?') THEN x END;
CREATE MACRO read_signed(x) AS CASE WHEN regexp_full_match(x, '-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?') THEN x END;
CREATE MACRO is_ambiguous(x, typed) AS {is_ambiguous};
CREATE MACRO read_plain(x, typed) AS CASE WHEN typed THEN x WHEN NOT is_ambiguous(x, typed) THEN {plain} END;
CREATE MACRO read_count(x, typed) AS
    CASE WHEN regexp_full_match(x, '\d{1,9}') THEN try_cast(x AS BIGINT) ELSE read_whole(read_plain(x, typed)) END;
CREATE MACRO read_tokens(x, typed) AS CASE WHEN read_count(x, typed) <= {most} THEN read_count(x, typed) END;
CREATE MACRO find_written(x) AS
    regexp_extract(x, '{written}', ['open', 'minus', 'number', 'close']);
CREATE MACRO ungroup(x) AS {ungroup};
CREATE MACRO join_written(w) AS
    CASE WHEN w.number <> '' AND (w.open = '') = (w.close = '') AND (w.open = '' OR w.minus = '')
         THEN CASE WHEN w.open = '' AND w.minus = '' THEN '' ELSE '-' END
              || read_plain(ungroup(w.number), false) END;
CREATE MACRO read_amount(x, typed) AS
    CASE WHEN typed THEN x
         WHEN regexp_full_match(x, '[\d.]+([eE][+-]?\d+)?') THEN read_plain(x, typed)
         ELSE join_written(find_written(x)) END;
CREATE MACRO is_unclear(x, typed) AS
    is_ambiguous(x, typed) OR is_ambiguous(find_written(x).number, typed) OR NOT typed AND {is_unclear};
CREATE MACRO vanishes(x, amount) AS amount = 0 AND regexp_matches(split_part(lower(x), 'e', 1), '[1-9]');
"""

SHOWN = r"""CASE WHEN regexp_matches(cell, '^[^\pN\[]*\pL\pL\pL[^\pN\[]*$') AND lower(cell) NOT IN ('nan', 'inf')
    THEN '[text]' ELSE cell END"""
"""A cell as a reason shows it: words without a number may be a person."""


def build_macros(decimal: str | None) -> str:
    """SQL of the macros that the other functions here use; `decimal` as in `CallMapping`.

    `read_plain` gives a number as programs write it, `read_amount` an amount; null where the text is none, or may be
    two.
    """
    sql = MACROS
    if decimal is None:
        macros = {
            "is_ambiguous": f"NOT typed AND regexp_full_match(x, '{AMBIGUOUS}')",
            "plain": "x",
            "is_unclear": r"regexp_full_match(find_written(x).number, '[1-9]\d{0,2},\d{3}')",
            # With both marks in it, the last one can only stand before decimals.
            "ungroup": r"""CASE WHEN regexp_full_match(x, '\d{1,3}(,\d{3})+\.\d+') THEN replace(x, ',', '')
                WHEN regexp_full_match(x, '\d{1,3}(\.\d{3})+,\d+') THEN replace(replace(x, '.', ''), ',', '.')
                ELSE x END""",
        }
    else:
        group = "," if decimal == "." else "."
        grouped = rf"[1-9]\d{{0,2}}([{group}]\d{{3}})+([{decimal}]\d*)?"
        alone = rf"(\d+([{decimal}]\d*)?|[{decimal}]\d+)([eE][+-]?\d+)?"
        plain = f"replace(replace(x, '{group}', ''), '{decimal}', '.')"
        macros = {
            "is_ambiguous": "false",
            "plain": f"CASE WHEN regexp_full_match(x, '{grouped}|{alone}') THEN {plain} END",
            "is_unclear": "false",
            "ungroup": "x",
        }
    for name, text in (macros | {"most": str(MOST_TOKENS), "written": WRITTEN}).items():
        sql = sql.replace(f"{{{name}}}", text)
    return sql


def find_amount(name: str) -> str:
    """SQL of an amount's text; null where it is a word that tells none. Most begin with a digit, and no word does."""
    words = ", ".join(f"'{word}'" for word in WORDS)
    return f"CASE WHEN {name}[1] BETWEEN '0' AND '9' OR lower({name}) NOT IN ({words}) THEN {name} END"


def read_fraction(name: str) -> str:
    """SQL of a number with decimals as programs write it; null where the text is none."""
    return f"{'read_amount' if name in AMOUNTS else 'read_plain'}({name}, typed_{name})"


def type_numbers(*, in_cents: bool = False, in_seconds: bool = False) -> dict[str, str]:
    """SQL of each number's value; null where the text is none. Most are nothing but digits, and read at once.

    An amount with more decimals than are kept is rounded half up, for a float has digits that mean nothing; but never
    to zero: that is null. An id is made of what is kept, so that another rounding would count stored calls twice.
    """
    values = {name: f"read_tokens({name}, typed_{name})" for name in (*COUNTS, *PARTS)}
    for name in AMOUNTS:
        amount = _round_amount(name, in_cents)
        values[name] = f"CASE WHEN NOT vanishes(plain_{name}, {amount}) THEN {amount} END"
    number = "read_number(plain_duration_ms)"
    duration = f"try_cast({number} AS DECIMAL(21, 6)) * 1000" if in_seconds else f"try_cast({number} AS DECIMAL(21, 3))"
    values["duration_ms"] = f"round({duration})::BIGINT"
    values["usable_id"] = "read_count(usable_id, typed_usable_id)"
    return values


def show_cell(name: str) -> str:
    """SQL of a field's text as a reason shows it, out of `show_cells`."""
    return f"shown['{name}']"


def show_cells(numbers: Sequence[str]) -> str:
    """SQL of a map of the texts of a row that has a wrong time or number, as reasons show them.

    All in one expression: for each that holds the pattern DuckDB needs ten milliseconds before it reads a row.
    """
    names = ["created_at", *numbers]
    is_wrong = ["value_created_ns IS NULL", *(f"{name} IS NOT NULL AND value_{name} IS NULL" for name in numbers)]
    texts = f"list_transform([{', '.join(names)}], lambda cell: {SHOWN})"
    return f"CASE WHEN {' OR '.join(is_wrong)} THEN map({names}, {texts}) END"


def find_number_faults(names: Iterable[str], decimal: str | None, *, in_cents: bool = False) -> dict[str, str]:
    """SQL of why a text is no number of its field: a reason for each condition; over the texts, `plain_`, `value_`."""
    told = f" under --decimal {decimal}" if decimal else ""
    whole, number = f"not a whole number{{range}}{told}", f"not a number{{range}}{told}"
    wrong = dict.fromkeys((*COUNTS, *PARTS), whole.format(range=f" from 0 to {MOST_TOKENS}"))
    wrong |= dict.fromkeys(AMOUNTS, number.format(range="")) | {"duration_ms": number.format(range=" at or above 0")}
    wrong |= {"usable_id": whole.format(range="")}
    faults = {}
    for name in names:
        reason = f"'{name} is {wrong[name]}: ' || {show_cell(name)}"
        if name in AMOUNTS:
            places, is_in_cents = AMOUNTS[name], in_cents and name in IN_DOLLARS
            limit = 10 ** (MOST_DIGITS - places + 2 * is_in_cents)
            reason = (
                f"CASE WHEN vanishes(plain_{name}, {_round_amount(name, in_cents)}) "
                f"THEN '{name} has more than {places} decimals, and would be 0: ' || {name} "
                f"WHEN read_signed(plain_{name}) IS NOT NULL THEN '{name} is {limit} or more in size, and what is kept "
                f"with {places} decimals must be less: ' || {name} ELSE {reason} END"
            )
        ambiguous = f"'{name} is ambiguous (' || {name} || ': thousands or decimals?); give --decimal'"
        is_ambiguous = "is_unclear" if name in AMOUNTS else "is_ambiguous"
        reason = f"CASE WHEN {is_ambiguous}({name}, typed_{name}) THEN {ambiguous} ELSE {reason} END"
        faults[f"{name} IS NOT NULL AND value_{name} IS NULL"] = reason
    return faults


def add_parts(name: str, parts: Sequence[str]) -> tuple[str, str]:
    """SQL of the text of a sum over `parts` (names of texts, each with its `typed_`), and whether it is a number.

    A part that is empty is 0 beside one that is not. Of parts that are no number, the first is the text: it is refused
    as it would be alone.
    """
    if name in AMOUNTS:
        texts = {part: find_amount(part) for part in parts}
        number = "try_cast(read_signed(read_amount({0}, typed_{0})) AS DECIMAL(28, 16))"
        values = {part: f"CASE WHEN NOT vanishes({part}, {number.format(part)}) THEN {number.format(part)} END"
                  for part in parts}  # fmt: skip
    elif name in FRACTIONS:
        texts = {part: part for part in parts}
        values = {part: f"try_cast(read_number(read_plain({part}, typed_{part})) AS DECIMAL(28, 9))" for part in parts}
    else:
        texts = {part: part for part in parts}
        values = {part: f"read_tokens({part}, typed_{part})" for part in parts}
    wrong = " ".join(f"WHEN {texts[part]} IS NOT NULL AND {values[part]} IS NULL THEN {part}" for part in parts)
    total = " + ".join(f"coalesce({value}, 0)" for value in values.values())
    is_empty = f"coalesce({', '.join(texts.values())}) IS NULL"
    is_number = " AND ".join(f"({texts[part]} IS NULL OR {values[part]} IS NOT NULL)" for part in parts)
    return f"CASE WHEN {is_empty} THEN NULL {wrong} ELSE ({total})::VARCHAR END", is_number


def _round_amount(name: str, in_cents: bool) -> str:
    number, kept = f"read_signed(plain_{name})", f"DECIMAL({MOST_DIGITS}, {AMOUNTS[name]})"
    if in_cents and name in IN_DOLLARS:
        return f"try_cast(try_cast({number} AS DECIMAL(30, 14)) * 0.01 AS {kept})"
    return f"try_cast({number} AS {kept})"
