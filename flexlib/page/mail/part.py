"""The mail of one of those who are charged, which holds its own part and nothing of the others or of the whole."""

from __future__ import annotations

from collections.abc import Sequence

from flexlib.analysis.chargeback import DIRECT, ChargeLine
from flexlib.certificate import State
from flexlib.formats import UNKNOWN
from flexlib.i18n import _
from flexlib.page.chargeback import WARNINGS, Charged, explain_items
from flexlib.page.kit.parts import BADGES
from flexlib.page.mail.month import say_unpriced, write_least, write_read
from flexlib.page.mail.parts import Card, MailPage, Section
from flexlib.tables.chargeback import UNIT_KINDS, say_lacking, table_items, table_models
from flexlib.tables.definition import Row, format_value


def build_part_mail(
    made: Charged, line: ChargeLine, models: Sequence[Row], *, warnings: Sequence[str] = (), notes: Sequence[str] = ()
) -> MailPage:
    """As the letter of `page.chargeback.build_letter`. `models`: its own use by model."""
    usage = made.usage
    badge, is_least = BADGES[usage.state], usage.state is State.GAP or bool(line.unpriced)
    total = write_least("usd", line.total("usd"), is_least=is_least)
    found = WARNINGS.get(usage.state)
    said = [_(found), _("Ask who sends this mail.")] if found else []
    title = _("{name}, {month}").format(name=line.name, month=usage.month.title)
    own, used = line.charged.get(DIRECT, {}), line.total("flex_credits")
    return MailPage(
        subject=_("Charged to {name} for LLMs, {month}: {amount}").format(
            name=line.name, month=usage.month.title, amount=total
        ),
        over=_("Chargeback: your part of the month"),
        title=title,
        badge=badge,
        read=write_read(usage),
        warnings=(*warnings, *said),
        cards=[
            Card(_("Charged"), total, say_unpriced(line.unpriced)),
            Card(
                _("In pesos"),
                write_least("clp", line.total("clp"), is_least=is_least or bool(line.unconverted)),
                say_lacking([line], "clp") if line.unconverted > line.unpriced else "",
            ),
            Card(_("Flex credits"), UNKNOWN if used is None else format_value(used, UNIT_KINDS["flex_credits"])),
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
