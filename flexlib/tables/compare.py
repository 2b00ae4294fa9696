"""Why a sum changed, as finished tables: its parts, and who and which model moved most; rows as of `analysis.compare`.

What is rounded adds up: the parts of a line to its change, and the lines to the total, to the last decimal shown.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from decimal import Decimal

from flexlib.analysis.compare import NOTHING, SAID, Change, round_parts
from flexlib.analysis.top import NOT_LISTED, find_label
from flexlib.formats import format_count, format_number, format_signed, round_amount
from flexlib.i18n import _, mark_text, translate_count
from flexlib.sources.registry import name_source
from flexlib.tables.definition import Column, Kind, Table

UNITS = {"flex_credits": (mark_text("Flex credits"), "0.01"), "usd": ("US$", "0.01"), "clp": ("CLP", "1")}
"""How each unit is called, and to what it is rounded."""

SIGNED = {"flex_credits": Kind.SIGNED, "usd": Kind.SIGNED, "clp": Kind.SIGNED_CLP}

WORDS = {
    "flex_credits": mark_text("{amount} flex credits"),
    "usd": mark_text("US$\u00a0{amount}"),
    "clp": mark_text("CLP\u00a0{amount}"),
}
"""How an amount of each unit is written in a sentence."""
BETWEEN = {
    "flex_credits": mark_text("{low} and {high} flex credits"),
    "usd": mark_text("US$\u00a0{low} and {high}"),
    "clp": mark_text("CLP\u00a0{low} and {high}"),
}
"""After `between`."""

CAME_AND_WENT = "came"
"""The column of people who are new or gone, or of models in their hands; nobody is both."""

HEADINGS = {
    CAME_AND_WENT: mark_text("New, or gone"),
    "volume": mark_text("How much"),
    "mix": mark_text("Which models"),
    "price": mark_text("Price"),
    "restated": mark_text("Restated"),
    "rate": mark_text("Exchange rate"),
    "refunds": mark_text("Refunds"),
    "unmeasured": mark_text("Not all counted"),
}

CODES = {
    "new": mark_text("new"),
    "gone": mark_text("gone"),
    "volume": mark_text("volume"),
    "mix": mark_text("mix"),
    "price": mark_text("price"),
    "rate": mark_text("rate"),
    "refunds": mark_text("refunds"),
    "restated": mark_text("restated"),
    "unmeasured": mark_text("unmeasured"),
}
"""Of the parts, where a line has several."""


def write_in_words(amount: str, unit: str) -> str:
    """An amount that is written already, as in a sentence: `US$ 12.00`."""
    return _(WORDS[unit]).format(amount=amount)


def name_unit(unit: str) -> str:
    """What amounts are of, within a sentence: `flex credits`, `US$`."""
    return _("flex credits") if unit == "flex_credits" else _(UNITS[unit][0])


def write_between(low: str, high: str, unit: str) -> str:
    """Two such amounts, after `between`."""
    return _(BETWEEN[unit]).format(low=low, high=high)


def count_new(by: str, count: int) -> str:
    """Of those that can be told apart, as in `TITLES`: `74 new spenders`."""
    return {
        "user": format_count(count, "new spender"),
        "department": format_count(count, "new department"),
        "team": format_count(count, "new team"),
        "project": format_count(count, "new project"),
        "cost_centre": format_count(count, "new cost centre"),
    }[by]


def count_gone(by: str, count: int) -> str:
    """`3 spenders who stopped`."""
    said = {
        "user": translate_count("{count} spender who stopped", "{count} spenders who stopped", count),
        "department": translate_count("{count} department that stopped", "{count} departments that stopped", count),
        "team": translate_count("{count} team that stopped", "{count} teams that stopped", count),
        "project": translate_count("{count} project that stopped", "{count} projects that stopped", count),
        "cost_centre": translate_count("{count} cost centre that stopped", "{count} cost centres that stopped", count),
    }
    return said[by].format(count=format_number(count))


def count_not_yet(count: int) -> str:
    """Of whom a month that was not over has nothing: `3 who are not there yet`."""
    said = translate_count("{count} that is not there yet", "{count} that are not there yet", count)
    return said.format(count=format_number(count))


def name_part(name: str, change: Change) -> str:
    """What a part of a change is called: `74 new spenders`; of two versions `12 late rows`."""
    count = change.people.get("stayed" if name == "volume" else name, 0)
    if change.is_of_versions:
        said = {
            "new": translate_count("{count} late row", "{count} late rows", count),
            "gone": translate_count("{count} row withdrawn", "{count} rows withdrawn", count),
            "restated": translate_count("{count} row restated", "{count} rows restated", count),
            "price": translate_count("A new price list ({count} row)", "A new price list ({count} rows)", count),
            "rate": translate_count("A new exchange rate ({count} row)", "A new exchange rate ({count} rows)", count),
        }
    else:
        said = {
            **{part: _(words)[0].upper() + _(words)[1:] for part, words in SAID.items()},
            "new": count_new("user", count),
            "gone": count_not_yet(count) if change.is_running else count_gone("user", count),
            "price": _(HEADINGS["price"]),  # as the chart and the tables of who moved name it
            "volume": translate_count(
                "The same {count} spender: how much they used", "The same {count} spenders: how much they used", count
            ),
        }
    return said[name].format(count=format_number(count))


def list_parts(change: Change, unit: str) -> dict[str, Decimal]:
    """The parts that there are, rounded so that they add up to the rounded difference."""
    parts, places = change.sum_parts(), -Decimal(UNITS[unit][1]).as_tuple().exponent  # type: ignore[operator]
    kept = {name: part for name, part in parts.items() if part or name in ("new", "gone", "volume", "restated")}
    return round_parts(kept, places)


def table_parts(change: Change, unit: str) -> Table:
    """A line a part; beside the parts of those who stayed, how far another order of change would have moved them."""
    rows = [
        {
            "part": name_part(name, change),
            "amount": part,
            "between": _write_range(change, name, unit),
        }
        for name, part in list_parts(change, unit).items()
    ]
    columns = [
        Column("part", "Part", total="Difference"),
        Column("amount", UNITS[unit][0], SIGNED[unit], round_amount(change.difference, UNITS[unit][1])),
    ]
    if any(row["between"] for row in rows):
        columns.append(Column("between", "In another order", Kind.NUMBER))
    return Table("table-parts", "The change and its parts", columns, rows)


def table_people(change: Change, unit: str, top: int) -> Table:
    """Who moved most, the others as one line; beside a user the source, where there are several."""
    moved = change.sum_by_person()
    sources = {key[0] for key in moved if isinstance(key, tuple)}
    labels: dict[Hashable, tuple[str, str]]
    labels = {key: (find_label(str(key[1]), NOT_LISTED), name_source(str(key[0])) if len(sources) > 1 else "")
              for key in moved if isinstance(key, tuple)}  # fmt: skip
    return _table_movers(
        change, moved, labels, unit, top, ("table-movers", mark_text("People"), mark_text("Who moved most"))
    )


def table_changed_models(change: Change, unit: str, top: int) -> Table:
    """Which models moved most, the others as one line."""
    moved = change.sum_by_model()
    labels = {key: (str(key), "") for key in moved}
    return _table_movers(
        change,
        moved,
        labels,
        unit,
        top,
        ("table-moved-models", mark_text("Models"), mark_text("Which models moved most")),
    )


def _table_movers(
    change: Change,
    moved: Mapping[Hashable, Mapping[str, Decimal]],
    labels: Mapping[Hashable, tuple[str, str]],
    unit: str,
    top: int,
    words: tuple[str, str, str],
) -> Table:
    name, heading, caption = words
    headings = HEADINGS | ({CAME_AND_WENT: mark_text("Late, or withdrawn")} if change.is_of_versions else {})
    changed = {key: parts for key, parts in moved.items() if any(parts.values())}
    top += len(changed) == top + 1  # one line for one other would hide its name for nothing
    shown = list(changed.items())[:top]
    lines = [(*labels[key], parts) for key, parts in shown]
    others = [parts for key, parts in list(changed.items())[top:]]
    if others:
        lines.append((_("{count} more").format(count=format_number(len(others))), "", _add(others)))
    whole = _add([one[2] for one in lines])
    kept = [key for key in HEADINGS if key == CAME_AND_WENT or whole[key] or any(_fold(one[2])[key] for one in lines)]
    rows = [{"label": label, "note": note, **_round(_fold(parts), kept, unit)} for label, note, parts in lines]
    total = _round(_fold(whole), kept, unit)
    columns = [
        Column("label", heading, total="All", note="note"),
        Column("change", UNITS[unit][0], SIGNED[unit], total["change"]),
        *(Column(key, headings[key], SIGNED[unit], total[key]) for key in kept),
    ]
    return Table(name, caption, columns, rows, frozenset({len(rows) - 1} if others else ()))


def _fold(parts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    folded = {CAME_AND_WENT: parts.get("new", NOTHING) + parts.get("gone", NOTHING)}
    return folded | {name: parts.get(name, NOTHING) for name in HEADINGS if name != CAME_AND_WENT}


def _add(lines: list[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    return {name: sum((parts.get(name, NOTHING) for parts in lines), NOTHING) for name in ("new", "gone", *HEADINGS)}


def _round(parts: Mapping[str, Decimal], kept: list[str], unit: str) -> dict[str, Decimal | str]:
    rounded = round_parts({name: parts[name] for name in kept}, 0 if UNITS[unit][1] == "1" else 2)
    shown = {name: part if parts[name] else "" for name, part in rounded.items()}
    return {"change": round_amount(sum(parts.values(), NOTHING), UNITS[unit][1]), **shown}


def _write_range(change: Change, name: str, unit: str) -> str:
    if name not in change.ranges or not change.people["stayed"]:
        return ""
    least, most = (format_signed(one, UNITS[unit][1]) for one in change.ranges[name])
    return _("{first} to {last}").format(first=least, last=most)
