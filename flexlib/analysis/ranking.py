"""Finished sums of calls ranked by money: models, sellers, users, tasks, each with its share and its change.

Lines are plain rows with the measures of `analysis.usage`, the largest amount first; a line without a known amount is
behind all that have one. Beside the measures each has:

- `share_permille`: its part of the known money, in tenths of a percent; all sum to 1000. None where its amount is not
  known, or where some amount is negative: then there is no whole to have a part of.
- `change`: of its amount on the month before, in tenths of a percent; `new` where that month has no row of it; None
  where one of the two amounts is not known, or lacks calls.
- `total_usd_before`: that month's amount.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.analysis.shares import WHOLE, measure_change
from flexlib.analysis.top import OTHER_MODELS
from flexlib.analysis.usage_frames import TOTALS, exact_decimals, sum_amounts
from flexlib.enums import LlmProvider, LlmProxy
from flexlib.i18n import Label, _, mark_text
from flexlib.senders import name_provider, name_sender

SHOWN = 12
"""Lines of a table before the rest is one: more are not read, they are looked up."""

COLOURS = 6
"""Lines that have a colour of their own."""

PLACES = 10
"""Decimals of an amount in USD, as `schema.USAGE` has it."""

MILLION = 1_000_000

NEW = Label(mark_text("new"))

Row = Mapping[str, Any]
Line = dict[str, Any]
NameModels = Callable[[Iterable[tuple[str, str]]], Mapping[tuple[str, str], str]]
"""Gives each provider and model the name that all spellings of the model have."""


def rank_models(
    sums: object, priced: object = None, sums_before: object = None, name_models: NameModels | None = None
) -> list[Line]:
    """A line for each `provider` and `model` of `usage_by_model_and_proxy`, however it is spelled.

    `name_models` (that of `spend`) gives the spellings of one model one name; without it, each is a model. `id` is the
    model, `spellings` what the rows call it, `model` its name, no two lines' the same, `label` the maker where that is
    not in it, and the other spellings; `total_tokens` is None where only Windsurf was asked, which reports none.
    `usd_per_million`: dollars for a million tokens, over the rows of `usage_with_price` (`priced`), which have both;
    None where none has.
    """
    frames = [[] if frame is None else read_rows(frame) for frame in (sums, priced, sums_before)]
    names = name_models({(row["provider"], row["model"]) for rows in frames for row in rows}) if name_models else {}

    def group(rows: list[Line]) -> dict[tuple[Any, ...], list[Row]]:
        renamed = [{**row, "spelling": row["model"]} for row in rows]
        for row in renamed:
            row["model"] = names.get((row["provider"], row["spelling"]), row["spelling"])
        return _group(renamed, ("provider", "model"))

    now, with_price, before = map(group, frames)
    rows, rows_before = ([row for rows in groups.values() for row in rows] for groups in (now, before))
    lines = rank_spend(rows, ("provider", "model"), None if sums_before is None else rows_before)
    makers = Counter(line["model"] for line in lines)
    for line in lines:
        key = line["provider"], line["model"]
        line["usd_per_million"] = measure_unit_price(with_price.get(key, []))
        line["id"], line["spellings"] = line["model"], sorted({row["spelling"] for row in now[key]})
        maker = name_provider(LlmProvider.parse(line["provider"]))
        label = [maker]
        if all(row["proxy"] == LlmProxy.WINDSURF for row in now[key]):
            line["total_tokens"] = None
            label.append(LlmProxy.WINDSURF.label())
        if makers[line["id"]] > 1:
            line["model"] += f" ({maker})"
            label.remove(maker)
        others = [_("also {name}").format(name=one) for one in line["spellings"] if one != line["id"]]
        line["label"] = ", ".join([*label, *others])
    return lines


def rank_sellers(sums: object, sums_before: object = None) -> list[Line]:
    """A line for each `seller`, who sends the bill: the proxy through which a call went, else its provider. The frames
    as from `usage_by_model_and_proxy`."""

    def read(frame: object) -> list[Line]:
        return [{**row, "seller": name_sender(row["proxy"] or row["provider"])} for row in read_rows(frame)]

    lines = rank_spend(read(sums), ("seller",), None if sums_before is None else read(sums_before))
    return [line | {"total_tokens": None} if line["seller"] == LlmProxy.WINDSURF else line for line in lines]


def rank_spend(rows: Iterable[Row], keys: Sequence[str], before: Iterable[Row] | None = None) -> list[Line]:
    """A line for each value of `keys`, out of rows of `rows`; `before`, rows of the month before, gives the change."""
    groups = _group(rows, keys)
    lines = [{**dict(zip(keys, key, strict=True)), **join_lines(group)} for key, group in groups.items()]
    lines.sort(key=lambda line: _place(line, keys))
    earlier = None if before is None else {key: join_lines(group) for key, group in _group(before, keys).items()}
    for line, share in zip(lines, share_out([line["total_usd"] for line in lines]), strict=True):
        line["share_permille"] = share
        then = None if earlier is None else earlier.get(tuple(line[key] for key in keys))
        line["total_usd_before"] = then and then["total_usd"]
        line["change"] = NEW if earlier is not None and then is None else compare_lines(line, then)
    return lines


def fold_lines(lines: Sequence[Row], name: str, called: str = OTHER_MODELS, shown: int = SHOWN) -> list[Line]:
    """The first `shown` lines and the others as one, whose `name` is `called` and `lines` says how many they are; a
    single other one is shown."""
    shown += len(lines) == shown + 1
    rest = lines[shown:]
    if not rest:
        return [dict(line) for line in lines]
    shares = [line["share_permille"] for line in rest if line["share_permille"] is not None]
    other = {
        **dict.fromkeys(rest[0]),
        **join_lines(rest),
        name: called,
        "lines": len(rest),
        "share_permille": sum(shares) if shares else None,
    }
    return [*(dict(line) for line in lines[:shown]), other]


def count_colours(lines: int) -> int:
    """How many of so many ranked lines have a colour of their own: more than six cannot be told apart; a seventh that
    would be grey alone has one."""
    return lines if lines <= COLOURS + 1 else COLOURS


def name_coloured(rows: Sequence[Row], key: str, of: str) -> frozenset[str]:
    """The names of ranked rows to which a chart of their amounts gives a colour of their own; it has none of the others
    that have no amount."""
    drawn = [str(row[key]) for row in rows if row[of]]
    return frozenset(drawn[: count_colours(len(drawn))])


def choose_coloured(models: Sequence[Row]) -> list[Row]:
    """Of `rank_models` the lines with a colour of their own: the largest, of which the last gives way to the one that
    rose most on the month before, where that is none of them."""
    own = list(models[: count_colours(len(models))])
    rises = {place: rise for place, line in enumerate(models) if (rise := _measure_rise(line)) > 0}
    if not rises or (place := max(rises, key=lambda one: rises[one])) < len(own):
        return own
    return [*own[:-1], models[place]]


def _measure_rise(line: Row) -> Decimal:
    """By how much its amount rose; 0 where that is not known."""
    now, then = line["total_usd"], Decimal(0) if line["change"] == NEW else line["total_usd_before"]
    return Decimal(0) if now is None or then is None else now - then


def join_lines(rows: Sequence[Row]) -> Line:
    """The measures of all rows together: calls are unknown as soon as those of one are, amounts where none is known."""
    counts = [name for name in rows[0] if name.endswith("_tokens") or name.startswith("unpriced_")]
    tokens = {name: [row[name] for row in rows if row[name] is not None] for name in counts}
    calls = [row["request_count"] for row in rows]
    return {
        "request_count": None if None in calls else sum(calls),
        **{name: sum(known) if known else None for name, known in tokens.items()},
        **{name: sum_amounts([row[name] for row in rows]) for name in TOTALS},
    }


def compare_lines(now: Row, before: Row | None) -> int | None:
    """The change of the amount in tenths of a percent; None where one of the two is not whole, or there was none."""
    if before is None or now["unpriced_usd"] or before["unpriced_usd"]:
        return None
    return measure_amount_change(now["total_usd"], before["total_usd"])


def measure_amount_change(now: Decimal | None, before: Decimal | None) -> int | None:
    """The change between two amounts in tenths of a percent; None where one is not known, or the one before is 0."""
    if now is None or before is None:
        return None
    return measure_change(_to_units(now), _to_units(before))


def measure_bound_change(now: Decimal | None, before: Decimal | None, *, is_least: bool) -> int | None:
    """The same where `now` may be a lower bound: of one a rise is known, a fall is not.

    >>> [measure_bound_change(Decimal(now), Decimal(4), is_least=True) for now in (3, 5)]
    [None, 250]
    """
    change = measure_amount_change(now, before)
    return None if change is None or (is_least and change < 0) else change


def measure_unit_price(priced: Iterable[Row]) -> Decimal | None:
    """Dollars for a million tokens, over rows as from `usage_with_price`; None where there are none."""
    rows = list(priced)
    tokens, amount = sum(row["total_tokens"] for row in rows), sum_amounts([row["total_usd"] for row in rows])
    return amount * MILLION / tokens if amount is not None and tokens else None


def share_out(amounts: Sequence[Decimal | None]) -> list[int | None]:
    """The part of each amount in their sum, in tenths of a percent: together 1000, or 0 where the sum is. What rounding
    down leaves goes to the largest remainders, of equal ones to the earlier."""
    units = [_to_units(amount or Decimal(0)) for amount in amounts]
    total = sum(units)
    if any(one < 0 for one in units):
        return [None] * len(units)
    shares = [one * WHOLE // total if total else 0 for one in units]
    order = sorted(range(len(units)), key=lambda place: -(units[place] * WHOLE % total)) if total else []
    for place in order[: WHOLE - sum(shares)]:
        shares[place] += 1
    return [None if amount is None else share for amount, share in zip(amounts, shares, strict=True)]


def _group(rows: Iterable[Row], keys: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def _place(line: Row, keys: Sequence[str]) -> tuple[Any, ...]:
    usd, ties = line["total_usd"], [(line[key] is None, "" if line[key] is None else line[key]) for key in keys]
    return usd is None, -(usd or 0), -(line["total_tokens"] or 0), *ties


def _to_units(amount: Decimal) -> int:
    with exact_decimals():
        return int(amount.scaleb(PLACES))
