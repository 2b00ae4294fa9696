"""Sums by any keys as a pandas frame, exact, with the chart that the report has of such sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from flexlib.analysis.frames import read_rows
from flexlib.analysis.top import NOT_GIVEN
from flexlib.analysis.usage_frames import hide_zero, open_usage, sum_usage
from flexlib.dates import Span
from flexlib.enums import OF_A_DAY, OF_AN_HOUR
from flexlib.errors import InvalidRequest, explain_missing
from flexlib.i18n import _, join_and, mark_text
from flexlib.schema import USAGE
from flexlib.sources.registry import WINDSURF
from flexlib.store.membership import LEVELS

if TYPE_CHECKING:
    from flexlib.page.kit.chart import Chart

COUNTS = {
    "requests": "request_count",
    "prompt_tokens": "total_prompt_tokens",
    "completion_tokens": "total_completion_tokens",
    "total_tokens": "total_tokens",
}
MONEY = {"usd": "total_usd", "clp": "total_clp"}
CREDITS = ("flex_credits", "prompt_credits")
UNKNOWN_COUNTS = ("unpriced_requests", "unconverted_requests")
LACKS = tuple(f"lacks_{unit}" for unit in MONEY)
MEASURES = (*COUNTS, *CREDITS, *MONEY, *UNKNOWN_COUNTS, *LACKS)
"""The columns beside the keys."""
IN_PART = ("calls", "uncounted", "without_usd", "without_clp")
"""Counts of all calls of which a part is here (`requests` are counted where the largest part is), and of rows that do
not say of how many they are."""
TIMES = {
    "day": f"CASE WHEN grain IN {OF_A_DAY} THEN CAST(created_at AS DATE) END",
    "month": "CAST(date_trunc('month', created_at) AS DATE)",
    "weekday": f"CASE WHEN grain IN {OF_A_DAY} THEN isodow(created_at) END",
    "hour": f"CASE WHEN grain IN {OF_AN_HOUR} THEN hour(created_at) END",
}
"""Keys made of the time. A row that sums a day has no hour; one that sums a month has no day either."""

PLAIN = ("user", "model", "provider", "proxy", "task_type", "source")
TEXTS = tuple(field.name for field in USAGE if str(field.type) == "string" and field.name not in ("id", "metadata"))
"""Further columns that rows can be summed by."""
ORDERED = ("day", "month", "weekday", "hour")
"""Keys whose order is that of time."""
KEY_NAMES = (
    *(mark_text("day"), mark_text("month"), mark_text("weekday"), mark_text("hour"), mark_text("user")),
    *(mark_text("model"), mark_text("provider"), mark_text("proxy"), mark_text("task type"), mark_text("source")),
    *(mark_text("department"), mark_text("team"), mark_text("project"), mark_text("cost centre")),
)
"""Of keys, in the title of a chart; any other column has its own name."""


class SpendTable(pd.DataFrame):
    """A pandas frame of sums; `span` and `zone` say of which days."""

    _metadata = ["span", "zone", "keys_"]  # noqa: RUF012 (as pandas wants it)

    span: Span | None = None
    zone: str = ""
    keys_: tuple[str, ...] = ()

    @property
    def _constructor(self) -> type[SpendTable]:
        return SpendTable

    def plot(  # type: ignore[override] # pandas' own draws floats, without the report's colours
        self, of: str | None = None, *, title: str | None = None, name: str = "chart"
    ) -> Chart:
        """The chart that reports have of such sums: columns by `day` or `month`, stacked by the other key, else bars.

        `of`: the unit, such as `usd` (the default where any amount is known), `flex_credits` or `total_tokens`.
        `title` and `name` (the id in a page) are for charts of one's own. Raises `InvalidRequest` for a unit that is
        none, for an empty table, and for more than one key beside the time.
        """
        if self.span is None or not {*self.keys_} <= {*self.columns}:
            raise InvalidRequest(
                _("only a table as `by` gives it, or some of its rows, has a chart; sum by other keys.")
            )
        try:
            from flexlib.page.kit.amounts import Cell, plot_amounts
            from flexlib.page.kit.units import UNITS
        except ImportError as error:
            raise explain_missing(error) or error from error

        known = [unit for unit in UNITS if unit in self.columns and self[unit].notna().any()]
        of = of or next(iter(known), "usd")
        if of not in known:
            raise InvalidRequest(
                _("{of!r} cannot be drawn of this table; it has {known}.").format(
                    of=of, known=", ".join(known) or _("no sums")
                )
            )
        time = next((key for key in self.keys_ if key in ("day", "month")), None)
        others = [key for key in self.keys_ if key != time]
        if len(others) > 1:
            raise InvalidRequest(
                _("a chart has room for one key beside day or month, not for {others}.").format(others=join_and(others))
            )
        labels = [_label(value) for value in self[others[0]]] if others else [UNITS[of].title] * len(self)
        days = [None if pd.isna(moment) else moment.date() for moment in self[time]] if time else [None] * len(self)
        cells = [
            Cell(day, label, amount)
            for day, label, amount in zip(days, labels, self[of], strict=True)
            if not pd.isna(amount)
        ]
        keys = join_and(_(key.replace("_", " ")) for key in self.keys_)
        words = title or _("{what} by {keys}").format(what=UNITS[of].title, keys=keys)
        if time and (undated := [cell.amount for cell in cells if cell.day is None]):
            cells = [cell for cell in cells if cell.day is not None]
            said = _("{title} (not shown: {amount} of sums of a month)")
            words = said.format(title=words, amount=UNITS[of].write(sum(undated)))
        if not cells:
            raise InvalidRequest(
                _("all of this table's sums are of months, and have no day; sum by month to draw {of}.").format(of=of)
            )
        return plot_amounts(
            cells,
            of,
            self.span,
            title=words,
            name=name,
            by_month=time == "month",
            by_model=others == ["model"],
            is_scale=time is None and others in (["weekday"], ["hour"]),
        )


def _label(value: object) -> str:
    return NOT_GIVEN if pd.isna(value) else str(value)  # type: ignore[call-overload]


def build_table(rows: duckdb.DuckDBPyRelation, keys: Mapping[str, str], span: Span, zone: str) -> SpendTable:
    """The sums of `rows` (see `front.spend.Spend._rows`) by `keys`, SQL by name."""
    return make_table(sum_groups(rows, keys), keys, span, zone)


def sum_groups(rows: duckdb.DuckDBPyRelation, keys: Mapping[str, str]) -> list[dict[str, Any]]:
    """The sums of each group, as `make_table` takes them."""
    taken = _name_taken(keys)
    columns = [f"{sql} AS {taken[key]}" for key, sql in keys.items()]
    has_tokens = f"CASE WHEN source = '{WINDSURF.name}' THEN 0 ELSE 1 END::BIGINT AS _has_tokens"
    calls = "part.requests" if "part" in rows.columns else "requests"
    columns += [f"coalesce({calls}, 0) AS _calls", f"({calls} IS NULL)::BIGINT AS _uncounted"]
    without = "CASE WHEN amount_in_{0} IS NULL THEN coalesce({1}, 1) ELSE 0 END AS _without_{0}"
    columns += [without.format(unit, calls) for unit in MONEY]
    extended = rows.select(", ".join(["*", has_tokens, *columns]))
    more = ["flex_credits", "prompt_credits", "_has_tokens", *(f"_{name}" for name in IN_PART)]
    opened = open_usage(extended, keys=[*taken.values(), *more])
    return read_rows(sum_usage(opened, list(taken.values()), more).to_native())


def make_table(
    found: Sequence[Mapping[str, Any]], keys: Mapping[str, str], span: Span, zone: str, more: Sequence[str] = ()
) -> SpendTable:
    """The table of what `sum_groups` found; `more`: also these of `IN_PART`."""
    taken = _name_taken(keys)
    lines = [{**{key: row[name] for key, name in taken.items()}, **_measure(row),
              **{name: row[f"_{name}"] for name in more}} for row in found]  # fmt: skip
    lines.sort(key=lambda line: _place(line, keys))
    table = SpendTable(_type_columns(lines, [*keys, *MEASURES], more))
    table.span, table.zone, table.keys_ = span, zone, tuple(keys)
    return table


def _name_taken(keys: Mapping[str, str]) -> dict[str, str]:
    return {key: f"_key_{number}" for number, key in enumerate(keys)}


def _measure(row: Mapping[str, Any]) -> dict[str, Any]:
    has_tokens = bool(row["_has_tokens"])
    counts = {name: row[total] if name == "requests" or has_tokens else None for name, total in COUNTS.items()}
    spent = {name: None if row[name] is None else Decimal(row[name]).scaleb(-2) for name in CREDITS}
    money = {name: hide_zero(row[total], row[f"_without_{name}"]) for name, total in MONEY.items()}
    return {
        **counts,
        **spent,
        **money,
        "unpriced_requests": row["unpriced_usd"],
        "unconverted_requests": row["unpriced_clp"],
        # Of a shared call each part lacks a price, though one of them counts it.
        **{f"lacks_{name}": bool(row[f"_without_{name}"]) for name in MONEY},
    }


def _place(line: Mapping[str, Any], keys: Mapping[str, str]) -> tuple[Any, ...]:
    """In the order of time, then the largest first: by money, credits, tokens; then by name, nothing last."""
    times = [(line[key] is None, line[key] or 0) if key != "day" and key != "month" else (False, str(line[key]))
             for key in keys if key in ORDERED]  # fmt: skip
    sizes = [-(line[name] or 0) for name in ("usd", "flex_credits", "total_tokens")]
    names = [(line[key] is None, str(line[key])) for key in keys if key not in ORDERED]
    return (*times, *sizes, *names)


def _type_columns(lines: list[dict[str, Any]], names: list[str], counts: Sequence[str]) -> dict[str, pd.Series[Any]]:
    def type_of(name: str) -> str:
        if name in ("day", "month"):
            return "datetime64[us]"
        if name in ("weekday", "hour", *COUNTS, *UNKNOWN_COUNTS, *counts):
            return "Int64"
        return "bool" if name in LACKS else "object" if name in (*MONEY, *CREDITS) else "str"

    return {name: pd.Series([line[name] for line in lines], dtype=type_of(name)) for name in [*names, *counts]}


def check_keys(keys: Sequence[str]) -> None:
    """Raises `InvalidRequest` where there is none, or one that can be none."""
    if not keys:
        raise InvalidRequest(
            _("by what? Name at least one of {value}, or a name in metadata.").format(value=", ".join([*TIMES, *PLAIN]))
        )
    if wrong := [key for key in keys if not isinstance(key, str) or not key]:
        raise InvalidRequest(
            _("{wrong!r} is not a key; name each by itself, such as by('day', 'model').").format(wrong=wrong[0])
        )
    if taken := [key for key in keys if key in MEASURES]:
        raise InvalidRequest(_("{taken!r} is what is summed, not what it can be summed by.").format(taken=taken[0]))


def check_found(table: SpendTable, keys: Sequence[str]) -> SpendTable:
    """The table. Raises `InvalidRequest` where no row has one of the keys."""
    for key in keys:
        if key not in (*TIMES, *PLAIN, *TEXTS) and table[key].isna().all():
            if key in LEVELS:
                said = _("no row has a {key}: neither the organization's file (--roster FILE or FLEXLIB_ORGANIZATION) "
                         "nor a call's metadata says one.")  # fmt: skip
                raise InvalidRequest(said.format(key=key))
            known = ", ".join([*TIMES, *PLAIN, *LEVELS])
            said = _("no row has {key!r}, nor its metadata; sum by {known}, or a name in the metadata.")
            raise InvalidRequest(said.format(key=key, known=known))
    return table


def write_key(key: str) -> str:
    """The key as SQL over the rows."""
    if key in TIMES:
        return TIMES[key]
    if key in PLAIN or key in TEXTS:
        return f'"{key}"'
    path = key.replace('"', '\\"').replace("'", "''")
    return f"""metadata ->> '$."{path}"'"""
