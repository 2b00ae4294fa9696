"""The page on what a month would have come to elsewhere: headlines, headings and one chart of finished frames."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from matplotlib.figure import Figure

from flexlib.analysis.frames import read_rows
from flexlib.analysis.what_if import THOUGHT, Outcome
from flexlib.formats import (
    PERCENT,
    count_people,
    format_amount,
    format_count,
    format_credits,
    format_number,
    format_usd,
)
from flexlib.i18n import _, mark_text, translate_count
from flexlib.page.kit.chart import NARROW, WIDE, Chart, add_axes, size_letter
from flexlib.page.kit.markup import Html, escape
from flexlib.page.kit.parts import Heading, show_cards
from flexlib.page.kit.svg import add_tooltip, new_figure
from flexlib.page.kit.theme import LIGHT
from flexlib.page.kit.units import render_sign

MOST_LINES = 12
"""More lines than that are read in the table."""

WIDEST = 200
"""Percent of today's cost at which the chart ends: what may cost twice as much is no saving to look at."""

COLOURS = {Outcome.SAVES: "accent", Outcome.MAY_SAVE: "amber2", Outcome.COSTS: "before"}


def show_what_if_headlines(
    savings: object, discounts: object, capped: object, usd: Decimal | None, uncompared: Sequence[str] | None = None
) -> Html:
    """The largest saving that holds in any case, what batches and caches could save, and a cap. `uncompared` as of
    `heading_for_savings`."""
    note = _("is cheaper in any case") if uncompared is None else _("can be compared")
    cards = [(_("Another model"), _("none"), note)]
    if best := _find_best(savings):
        note = _("at least: {model} on {other}").format(model=escape(best["model"]), other=escape(best["to_model"]))
        cards = [(_("Another model saves"), _write_usd(best["now_usd"] - best["most_usd"]), note)]
    notes = {
        "batch": (_("A batch saves at most"), _("if every call could wait a day")),
        "cache": (_("A cache saves at most"), _("if all read as much as the best sender")),
    }
    for name, (title, note) in notes.items():
        saved = sum((row["saved"] for row in read_rows(discounts) if row["discount"] == name), Decimal(0))
        cards += [(title, _write_usd(saved), note)] if saved else []
    if people := read_rows(capped):
        over = sum(row["over"] for row in people)
        note = _("flex credits of {people}").format(people=count_people(len(people)))
        note += "" if usd is None else f", {format_usd(Decimal(over).scaleb(-2) * usd)}".replace("$ ", "$\u00a0")
        cards.append((_("Beyond the cap"), format_credits(over), note))
    return show_cards(cards)


def _find_best(savings: object) -> dict[str, Any] | None:
    rows = (row for row in read_rows(savings) if row["outcome"] == Outcome.SAVES)
    return max(rows, key=lambda row: row["now_usd"] - row["most_usd"], default=None)


def _write_usd(amount: Decimal) -> str:
    return f"{render_sign('usd')}{escape(format_amount(amount))}"


def heading_for_savings(savings: object, dated: str = "", uncompared: Sequence[str] | None = None) -> Heading:
    """The largest saving that holds in any case, or that there is none. `dated`: of when the scores are; `uncompared`:
    why no call could be compared, None where one could."""
    if uncompared is not None:
        return Heading("No call can be compared with another model", " ".join(uncompared))
    note = _(
        "In percent of what the calls cost now, as a range: another model makes other tokens of a text and answers at "
        "another length. One that may think first is cheaper in any case only where it is so with {times} times as long"
        " answers. Whether it answers as well, no price says: try it on a part of the calls."
    )
    note = f"{note.format(times=THOUGHT)} {dated}".rstrip()
    if not (best := _find_best(savings)):
        return Heading("No other model of the same task is cheaper in any case", note if read_rows(savings) else "")
    low, high = (format_amount(best[f"{name}_usd"]) for name in ("low", "most"))
    said = _("{usd} for {model} would have been {low} to {high} on {other}")
    words = {"model": best["model"], "other": best["to_model"], "low": low, "high": high}
    return Heading(said.format(usd=format_usd(best["now_usd"]), **words), note)


def heading_for_tasks(tasks: object, left_out: Sequence[str] = ()) -> Heading | None:
    """With what is not in it; None where no task has calls enough."""
    note = _("All calls of a task on one model: those that it answers now as they are, the others as a range.")
    heading = Heading("What each task would have cost with one provider", " ".join([note, *left_out]))
    return heading if read_rows(tasks) else None


def heading_for_discounts(discounts: object, uncached: Sequence[str] = ()) -> Heading | None:
    """None where nothing could have been saved. `uncached`: what is left out of what a cache saves, and why."""
    note = _(
        "That is if all could: whether a call could have waited, or its prompt was sent before, the rows do not tell. "
        "It is by list prices, as nobody knows what your contract would ask for a batch or a cache; calls that cost as "
        "little already are left out."
    )
    for row in read_rows(discounts):
        said = _("Read from a cache, {model} could have cost up to {usd} less")
        if row["discount"] == "batch":
            said = _("Sent as a batch, {model} could have cost up to {usd} less")
        return Heading(said.format(model=row["model"], usd=format_usd(row["saved"])), " ".join([note, *uncached]))
    return Heading("No batch and no cache would have saved anything", " ".join(uncached)) if uncached else None


def heading_for_accepted(accepted: object) -> Heading | None:
    """None without a verdict on any answer."""
    note = mark_text(
        "All that a model cost over its used answers, with 95\u00a0% intervals; those that overlap share a place."
    )
    return Heading("What an answer cost that was used", note) if read_rows(accepted) else None


def heading_for_exchanges(exchanges: object, unproven: Sequence[str] = ()) -> Heading | None:
    """The most that is saved; None where no model's multiplier is known beside a cheaper one's, and nothing is to be
    said of others. `unproven`: models of which it is not known."""
    note = mark_text(
        "A prompt costs what divides the credits of each row of its model; where they are too few, what your own table "
        "says. A request that the server counts may hold several; as many prompts are taken for granted."
    )
    said = " ".join(unproven)
    if not (rows := read_rows(exchanges)):
        return Heading("No credits can be compared with another model's", said) if said else None
    row = max(rows, key=lambda one: one["saved_low"])
    most = _("At least {credits} flex credits fewer had {other} been asked instead of {model}")
    names = {"other": row["to_model_uid"], "model": row["model_uid"]}
    heading = most.format(credits=format_credits(row["saved_low"]), **names)
    return Heading(heading, f"{_(note)} {said}" if said else note)


def heading_for_cap(capped: object, cap: int) -> Heading | None:
    """None where nobody would have met it."""
    people = read_rows(capped)
    over = format_credits(sum(row["over"] for row in people))
    note = mark_text(
        "Tried on the month as it was; nothing is changed anywhere. What people would have done then, nobody knows."
    )
    said = translate_count(
        "{count} person spent {over} beyond a cap of {cap} flex credits each",
        "{count} people spent {over} beyond a cap of {cap} flex credits each",
        len(people),
    )
    heading = Heading(said.format(count=format_number(len(people)), over=over, cap=format_number(cap)), note)
    return heading if people else None


def plot_savings(savings: object, *, title: str = "Cost on another model", name: str = "chart-savings") -> Chart | None:
    """Of the moves, each from its low to its high end in percent of what the calls cost; None without one."""
    rows = [row for row in read_rows(savings) if row["now_usd"]][:MOST_LINES][::-1]
    if not rows:
        return None

    def draw(width: int) -> Figure:
        figure, left = new_figure(width, 44 + 40 * len(rows)), min(300, width // 2)
        axes, most = add_axes(figure, left, 20, 6, 40 * len(rows)), (left - 12) // size_letter(width)
        for place, row in enumerate(rows):
            low, usd, high = (float(100 * row[f"{one}usd"] / row["now_usd"]) for one in ("low_", "", "high_"))
            said = _("{model} on {other}: {low} to {high} % of {usd}").format(
                model=row["model"], other=row["to_model"], low=f"{low:.0f}", high=f"{high:.0f}",
                usd=format_usd(row["now_usd"]))  # fmt: skip
            bound, colour = min(high, WIDEST), LIGHT[COLOURS[row["outcome"]]]
            for bar in axes.barh([place], [max(bound - low, 1)], 0.4, left=[low], color=colour):
                add_tooltip(bar, said)
            axes.plot([usd] * 2, [place - 0.3, place + 0.3], color=LIGHT["ink"])
        texts = [text for row in rows for text in (f"→ {row['to_model']}", row["model"])]
        lines = [place + side for place in range(len(rows)) for side in (-0.2, 0.2)]  # the two of a line, one above
        axes.set_yticks(lines, [text if len(text) <= most else f"{text[: most - 1]}…" for text in texts])
        axes.axvline(100, color=LIGHT["soft"], linewidth=1)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        end = min(max(110, *(float(110 * row["high_usd"] / row["now_usd"]) for row in rows)), WIDEST)
        axes.set_xlim(0, end)
        shares = range(0, int(end) + 1, 100 if width == NARROW else 25)
        axes.set_xticks(shares, [f"{share}{PERCENT}" for share in shares])
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        return figure

    words = _("What calls would have cost on another model in percent of what they cost, {lines}.")
    shown = {COLOURS[row["outcome"]] for row in rows}
    names = ((_("cheaper in any case"), "accent"), (_("may be cheaper"), "amber2"), (_("dearer in any case"), "before"))
    legend = [*(one for one in names if one[1] in shown), (_("with as many tokens as now"), "ink")]
    return Chart(name, title, words.format(lines=format_count(len(rows), "line")), draw, WIDE, legend)
