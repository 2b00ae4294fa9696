"""The mail of one of those who are charged, which holds its own part and nothing of the others or of the whole."""

from __future__ import annotations

from collections.abc import Sequence

from flexlib.analysis.chargeback import DIRECT, ChargeLine
from flexlib.i18n import _
from flexlib.page.chargeback import Charged, explain_items
from flexlib.page.kit.parts import BADGES
from flexlib.page.letter_lacks import find_part_state, is_part_least, list_warnings
from flexlib.page.mail.month import write_least, write_read
from flexlib.page.mail.parts import Card, MailPage, Section
from flexlib.tables.charge_lacks import say_line_lacks
from flexlib.tables.chargeback import table_items, table_models
from flexlib.tables.definition import Row


def build_part_mail(
    made: Charged, line: ChargeLine, models: Sequence[Row], *, warnings: Sequence[str] = (), notes: Sequence[str] = ()
) -> MailPage:
    """As the letter of `page.chargeback.build_letter`. `models`: its own use by model."""
    usage = made.usage
    badge = BADGES[find_part_state(line, usage)]
    total = write_least("usd", line.total("usd"), is_least=(is_least := is_part_least([line])))
    found = list_warnings(line, usage)
    said = [*found, _("Ask who sends this mail.")] if found else []
    title = _("{name}, {month}").format(name=line.name, month=usage.month.title)
    own, used = line.charged.get(DIRECT, {}), line.total("flex_credits")
    return MailPage(
        subject=_("Charged to {name} for LLMs, {month}: {amount}").format(
            name=line.name, month=usage.month.title, amount=total
        ),
        over=_("Chargeback: your part of the month · days of {zone}").format(zone=usage.zone),
        title=title,
        badge=badge,
        read=write_read(usage),
        warnings=(*warnings, *said),
        cards=[
            Card(_("Charged"), total, unpriced := say_line_lacks(line, "usd")),
            Card(
                _("In pesos"),
                write_least("clp", line.total("clp"), is_least=is_part_least([line], "clp")),
                "" if (unconverted := say_line_lacks(line, "clp")) == unpriced else unconverted,
            ),
            Card(
                _("Flex credits"),
                write_least("flex_credits", used, is_least=is_part_least([line], "flex_credits")),
            ),
            Card(_("Of it direct use"), write_least("usd", own.get("usd"), is_least=is_least)),
        ],
        sections=[
            Section(
                _("What you are charged for"),
                _("Direct use is your own; a pool belongs to everybody, and this is your share of it by its rule."),
                table=table_items(line, made.items, explain_items(made, line)),
            ),
            *(
                [
                    Section(
                        _("What you used yourselves"),
                        _("At the prices and rates of each day, in the order of cost."),
                        table=table_models(models, line),
                    )
                ]
                if models
                else []
            ),
        ],
        notes=notes,
        is_demo=any(getattr(one, "demo", False) for one in usage.certificates),
    )
