"""The page of a chargeback, and the letter to one of those who are charged, which holds only its own part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from flexlib.analysis.allocation import Basis, Rule
from flexlib.analysis.chargeback import DIRECT, NOBODY, ChargeLine, LineKey, LineKind, SumCheck
from flexlib.analysis.shares import measure_share
from flexlib.analysis.usage_frames import sum_amounts
from flexlib.certificate import State
from flexlib.dates import Span
from flexlib.formats import (
    UNKNOWN,
    capitalize_first,
    format_moment,
    format_number,
    format_share_percent,
)
from flexlib.i18n import _, join_texts, mark_text
from flexlib.page.kit.amounts import MOST_BARS, Cell, plot_amounts
from flexlib.page.kit.chart import Chart
from flexlib.page.kit.markup import Html, Piece, escape
from flexlib.page.kit.parts import (
    BADGES,
    Fact,
    Heading,
    list_facts,
    mark_total,
    show_cards,
    show_facts,
    show_section,
    show_title,
)
from flexlib.page.kit.units import UNITS as UNIT_WORDS
from flexlib.page.kit.units import render_sign
from flexlib.page.letter_lacks import find_part_state, is_part_least, list_warnings
from flexlib.spend.month import MonthUsage
from flexlib.tables.charge_lacks import is_least, say_lacking, say_line_lacks
from flexlib.tables.chargeback import (
    CAPTIONS,
    PLURALS,
    UNIT_KINDS,
    UNIT_NAMES,
    explain_item,
    explain_sums,
    name_level,
    name_line,
    table_items,
    table_models,
)
from flexlib.tables.definition import Row, format_value


class Charged(Protocol):
    """A month that is charged, as `front.chargeback.charge_month` gives it."""

    @property
    def level(self) -> str: ...
    @property
    def lines(self) -> tuple[ChargeLine, ...]: ...
    @property
    def parts(self) -> tuple[ChargeLine, ...]: ...
    @property
    def items(self) -> tuple[str, ...]: ...
    @property
    def rules(self) -> Mapping[str, Rule]: ...
    @property
    def checks(self) -> tuple[SumCheck, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def bases(self) -> Mapping[str, Basis]: ...
    @property
    def heads(self) -> Mapping[LineKey, Fraction]: ...
    @property
    def folded(self) -> str: ...
    @property
    def usage(self) -> MonthUsage: ...
    def total(self, unit: str) -> Decimal | None: ...


CARDS = {"usd": mark_text("Charged"), "clp": mark_text("In pesos"), "flex_credits": mark_text("Flex credits")}
"""The headline number of each unit."""


def show_charge_headlines(made: Charged) -> Html:
    """What all are charged, in every unit, who, and what is nobody's: neither of a page on which departments are one
    line, of which nobody is told how many they are, nor whether any of it is nobody's."""
    own = {unit: sum_amounts(line.charged.get(DIRECT, {}).get(unit) for line in made.lines) for unit in CARDS}
    sums = {unit: made.total(unit) for unit in CARDS}
    cards = [
        (
            _(name) + _mark_least(unit, sums[unit], made.lines),
            _write(unit, sums[unit]),
            _say_own(unit, sums[unit], own[unit], say_lacking(made.lines, unit)),
        )
        for unit, name in CARDS.items()
    ]
    if made.folded:
        return show_cards(cards)
    pools = [name for name in made.items if name != DIRECT]
    added = _("with {pools}").format(pools=", ".join(pools)) if pools else _("for their own use alone")
    cards.append((_(PLURALS[made.level]).capitalize(), format_number(len(made.parts)), escape(added)))
    nobody = [line for line in made.lines if line.key.kind is not LineKind.PART]
    amount = sum_amounts(line.total("usd") for line in nobody)
    names = escape(capitalize_first(", ".join(name_line(line) for line in nobody)))
    nothing = escape(_("everything is somebody's"))
    least = _mark_least("usd", amount, nobody)
    cards.append((_("Charged to nobody") + least, _write("usd", amount if nobody else Decimal(0)), names or nothing))
    return show_cards(cards)


def heading_for_charges(made: Charged, of: str = "usd") -> Heading:
    """Who is charged most, and what share of the whole that is; before it what is unmapped, where that is more than
    any other line."""
    note = _(
        "{unit} by item: direct use is its own; pools are shared by their rule, apart from it. The lines are rounded "
        "together, so that they sum to the whole."
    ).format(unit=_(UNIT_NAMES[of]))
    note = join_texts([note, made.folded], " ")
    whole = made.total(of)
    known = [line for line in made.parts if line.total(of) is not None]
    if not known or not whole:
        return Heading("Nobody is charged", note)
    if made.folded and len(made.parts) == 1 and all(line.key != NOBODY for line in made.lines):
        return Heading("No department can be shown by itself", note)
    most = max(known, key=lambda line: line.total(of) or Decimal(0))
    amount = most.total(of) or Decimal(0)
    is_unsure = any(is_least(line, of) for line in made.lines)
    said, words = _("{name} is charged {amount}, {share} of the whole"), {}
    if is_unsure:
        said = _("Of what is known, {name} is charged {amount}, {share} of the whole")
    largest = max(made.lines, key=lambda line: line.total(of) or Decimal(0))
    unmapped = (largest.total(of) or Decimal(0)) if largest.key == NOBODY else Decimal(0)
    if unmapped > amount:
        words = {"lines": _(PLURALS[made.level]), "unmapped": UNIT_WORDS[of].write(unmapped)}
        said = _("{share} of the whole, {unmapped}, belongs to none of the {lines}; of them {name} has most, {amount}")
        if is_unsure:
            said = _("Of what is known, {share}, {unmapped}, belongs to none of the {lines}; of them {name} has most, "
                     "{amount}")  # fmt: skip
    share = format_share_percent(measure_share(int(max(unmapped, amount).scaleb(2)), int(whole.scaleb(2))))
    said = said.format(name=name_line(most), amount=UNIT_WORDS[of].write(amount), share=share, **words)
    return Heading(said, note)


def plot_charges(made: Charged, span: Span, of: str = "usd") -> Chart | None:
    """What those who are charged most come to, as bars, and in grey what is of none of them; None where nobody is.
    Others would be one longer bar."""
    known = sorted((line for line in made.parts if line.total(of)), key=lambda line: -(line.total(of) or 0))
    cells = [Cell(None, line.name, line.total(of) or Decimal(0)) for line in known[:MOST_BARS]]
    title = _(CAPTIONS[made.level])
    if len(known) > MOST_BARS:
        title = _("{title}, the {count} with most").format(title=title, count=MOST_BARS)
    nobody = next((line for line in made.lines if line.key == NOBODY and (line.total(of) or 0) > 0), None)
    rest = name_line(nobody) if nobody else ""
    if nobody and cells:
        cells.append(Cell(None, rest, nobody.total(of) or Decimal(0)))
    return plot_amounts(cells, of, span, title=title, name="chart-charges", rest=rest) if cells else None


def show_charge_proof(made: Charged) -> Html:
    """The certificate: that the lines are the whole month, and what that rests on."""
    usage = made.usage
    facts = [
        Fact("Lines and month", explain_sums(made.checks, made.level), "good"),
        *(fact for one in usage.certificates for fact in list_facts(one)),
    ]
    problems = usage.list_problems()
    lacks, notes = ((), problems) if usage.state is State.COMPLETE else (problems, [])
    return show_facts(BADGES[usage.state], lacks, facts, [*(one for one in made.notes if one != made.folded), *notes])


def build_letter(made: Charged, line: ChargeLine, models: Sequence[Row], *, with_total: bool = False) -> list[Piece]:
    """The page of one of those who are charged. Of the others it says nothing, nor of the whole, unless `with_total`.

    `models`: its own use by model.
    """
    usage = made.usage
    badge = BADGES[find_part_state(line, usage)]
    warnings = list_warnings(line, usage)
    missing = [" ".join([*warnings, _("Ask who sends this page.")])] if warnings else []
    title = show_title(
        line.name,
        usage.month.title,
        _("Chargeback · {level} · days of {zone}").format(level=name_level(made.level), zone=usage.zone),
        badge,
        _("as of {moment}").format(moment=format_moment(max(one.read_at for one in usage.certificates))),
        missing,
        demo=any(getattr(one, "demo", False) for one in usage.certificates),
    )
    own = line.charged.get(DIRECT, {})
    cards = [
        (
            _(name) + _mark_least(unit, total := line.total(unit), [line]),
            _write(unit, total),
            _say_own(unit, total, own.get(unit), say_line_lacks(line, unit)),
        )
        for unit, name in CARDS.items()
    ]
    if with_total:
        whole = _("of all {lines}").format(lines=_(PLURALS[made.level]))
        least = _mark_least("usd", total := made.total("usd"), made.lines)
        cards.append((_("The whole month") + least, _write("usd", total), whole))
    said = explain_items(made, line, with_total=with_total)
    note = _("Direct use is your own; a pool belongs to everybody, and this is your share of it by its rule.")
    used = _("At the prices and rates of each day, in the order of cost; rounded together, to your direct use.")
    agrees = _("The sum of all {lines} is the total of the month, to the last digit")
    agrees = agrees.format(lines=_(PLURALS[made.level]))
    return [
        title,
        show_cards(cards),
        show_section(Heading("What you are charged for", note), table_items(line, made.items, said)),
        show_section(Heading("What you used yourselves", used) if models else None, table_models(models, line)),
        show_facts(badge, missing, [Fact("Lines and month", agrees, "good")], ()),
    ]


def explain_items(made: Charged, line: ChargeLine, *, with_total: bool = False) -> dict[str, str]:
    """How each item of a line comes about, as `explain_item` says it."""
    heads = made.heads.get(line.key, Fraction(0))
    return {
        name: explain_item(name, line, made.rules.get(name), made.bases.get(name), heads, with_total=with_total)
        for name in made.items
    }


def _mark_least(unit: str, amount: Decimal | None, lines: Sequence[ChargeLine]) -> str:
    """What stands after the name of an amount that calls of these lines are left out of, or rows of the month."""
    return mark_total(BADGES[State.GAP]) if amount is not None and is_part_least(lines, unit) else ""


def _say_own(unit: str, amount: Decimal | None, own: Decimal | None, lacks: str) -> str:
    """How much of an amount is own use; the calls that it lacks."""
    if amount is None:
        return lacks or _("none")
    said = _("direct use") if own == amount else _("{amount} of it direct use").format(amount=_write(unit, own))
    return f"{said}; {lacks}" if lacks else said


def _write(unit: str, amount: Decimal | None) -> str:
    if amount is None:
        return UNKNOWN
    text = escape(format_value(amount, UNIT_KINDS[unit]))
    return f"{render_sign(unit)}{text}"
