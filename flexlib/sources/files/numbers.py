"""Numbers as files of calls write them: 1234.5 by programs, 1.234,5 or 1,234.5 by people; SQL that reads all of them.

Where nobody said what the dot means, a text such as 1.000 is one in one country and a thousand in another: it is
refused, with the option that says it. The numbers of JSON and Parquet are no texts; their dot is always the decimals'.
"""

from __future__ import annotations

from collections.abc import Iterable

from flexlib.schema import EXTRA_COUNTS

MOST_TOKENS = 2**31 - 1
"""Of one call; none comes near, and more is a mistake of the file."""

MOST_IN_SUM = 10**15
"""Of a row that sums calls; more than that nobody has used, and twice as much is still an integer of 64 bits."""

COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens")
PARTS = (*EXTRA_COUNTS, "requests")
"""Counts that a row may have besides; null where nothing is said of them."""
AMOUNTS = {"cost": 10, "amount_in_usd": 10, "amount_in_clp": 4}
"""With the decimals that each is kept with."""
FRACTIONS = (*AMOUNTS, "duration_ms")
"""Numbers with decimals: SQL sees each as programs write it too, under `plain_` and its name."""
NUMBERS = (*COUNTS, *PARTS, *AMOUNTS, "duration_ms", "usable_id")
"""The fields whose texts are numbers. Of each, `texts` has a `typed_` too: whether the file's format says it is one."""

AMBIGUOUS = r"[1-9]\d{0,2}((\.\d{3})+|\.(000)+)"
"""Thousands or decimals; 0.125 and 1234.500 can only be decimals."""

MACROS = r"""
CREATE MACRO read_whole(x) AS
    CASE WHEN regexp_full_match(x, '\d+(\.0*)?') THEN try_cast(split_part(x, '.', 1) AS BIGINT) END;
CREATE MACRO read_number(x) AS CASE WHEN regexp_full_match(x, '(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?') THEN x END;
CREATE MACRO is_ambiguous(x, typed) AS {is_ambiguous};
CREATE MACRO read_plain(x, typed) AS CASE WHEN typed THEN x WHEN NOT is_ambiguous(x, typed) THEN {plain} END;
CREATE MACRO read_count(x, typed) AS
    CASE WHEN regexp_full_match(x, '\d{1,9}') THEN try_cast(x AS BIGINT) ELSE read_whole(read_plain(x, typed)) END;
CREATE MACRO read_tokens(x, typed) AS CASE WHEN read_count(x, typed) <= {most} THEN read_count(x, typed) END;
CREATE MACRO vanishes(x, amount) AS amount = 0 AND regexp_matches(split_part(lower(x), 'e', 1), '[1-9]');
"""


def build_macros(decimal: str | None, most: int) -> str:
    """SQL of the macros that the other functions here use; `decimal` as in `CallMapping`, `most`: tokens of a row.

    `read_plain` gives a number as programs write it; null where the text is none, or may be two.
    """
    sql = MACROS
    if decimal is None:
        macros = {"is_ambiguous": f"NOT typed AND regexp_full_match(x, '{AMBIGUOUS}')", "plain": "x"}
    else:
        group = "," if decimal == "." else "."
        grouped = rf"[1-9]\d{{0,2}}([{group}]\d{{3}})+([{decimal}]\d*)?"
        alone = rf"(\d+([{decimal}]\d*)?|[{decimal}]\d+)([eE][+-]?\d+)?"
        plain = f"replace(replace(x, '{group}', ''), '{decimal}', '.')"
        macros = {
            "is_ambiguous": "false",
            "plain": f"CASE WHEN regexp_full_match(x, '{grouped}|{alone}') THEN {plain} END",
        }
    for name, text in (macros | {"most": str(most)}).items():
        sql = sql.replace(f"{{{name}}}", text)
    return sql


def type_numbers() -> dict[str, str]:
    """SQL of each number's value; null where the text is none. Most are nothing but digits, and read at once.

    An amount with more decimals than are kept is rounded half up, for a float has digits that mean nothing; but never
    to zero: that is null. An id is made of what is kept, so that another rounding would count stored calls twice.
    """
    values = {name: f"read_tokens({name}, typed_{name})" for name in (*COUNTS, *PARTS)}
    for name in AMOUNTS:
        amount = _round_amount(name)
        values[name] = f"CASE WHEN NOT vanishes(plain_{name}, {amount}) THEN {amount} END"
    values["duration_ms"] = "round(try_cast(read_number(plain_duration_ms) AS DECIMAL(21, 3)))::BIGINT"
    values["usable_id"] = "read_count(usable_id, typed_usable_id)"
    return values


def find_number_faults(names: Iterable[str], decimal: str | None, most: int) -> dict[str, str]:
    """SQL of why a text is no number of its field: a reason for each condition; over the texts, `plain_`, `value_`."""
    told = f" under --decimal {decimal}" if decimal else ""
    whole, number = f"not a whole number{{range}}{told}", f"not a number at or above 0{told}"
    wrong = dict.fromkeys((*COUNTS, *PARTS), whole.format(range=f" from 0 to {most}"))
    wrong |= dict.fromkeys([*AMOUNTS, "duration_ms"], number) | {"usable_id": whole.format(range="")}
    faults = {}
    for name in names:
        reason = f"'{name} is {wrong[name]}: ' || {name}"
        if name in AMOUNTS:
            reason = (
                f"CASE WHEN vanishes(plain_{name}, {_round_amount(name)}) "
                f"THEN '{name} has more than {AMOUNTS[name]} decimals, and would be 0: ' || {name} ELSE {reason} END"
            )
        ambiguous = f"'{name} is ambiguous (' || {name} || ': thousands or decimals?); give --decimal'"
        reason = f"CASE WHEN is_ambiguous({name}, typed_{name}) THEN {ambiguous} ELSE {reason} END"
        faults[f"{name} IS NOT NULL AND value_{name} IS NULL"] = reason
    return faults


def _round_amount(name: str) -> str:
    return f"try_cast(read_number(plain_{name}) AS DECIMAL(20, {AMOUNTS[name]}))"
