"""What each reader's mail of a month holds: the whole, or a part, as it is stored, and the files beside the page."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.cli.report_months import load_shown_spend
from flexlib.commands import write_command
from flexlib.dates import SHARED_ZONE, Month
from flexlib.errors import BadFile, InvalidRequest
from flexlib.formats import format_amount
from flexlib.i18n import _, find_language, speak, speaks_aside
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.analysis.chargeback import ChargeLine
    from flexlib.deliver.months import Content, Said, Told
    from flexlib.deliver.readers import Reader
    from flexlib.front.chargeback import Chargeback
    from flexlib.front.chargeback_rules import ChargebackRules
    from flexlib.front.spend import Spend
    from flexlib.page.mail.parts import MailPage
    from flexlib.spend.month import MonthUsage
    from flexlib.tables.definition import Table

MOST_DEPARTMENTS = 12
"""Lines of a mail; the others are one."""


@dataclass
class MonthWriter:
    """Writes the mails of one month."""

    month: Month
    page: Path
    """The report."""
    load: Callable[[], Spend]
    rules: ChargebackRules
    language: str
    """Of readers who have none of their own."""
    command: str
    """What makes the report."""
    largest: int
    """Bytes that are attached to one mail at the most."""
    lacks: list[str] = field(default_factory=list)
    """Sentences on what could not be mailed or attached."""
    _spends: dict[str, Spend] = field(default_factory=dict)
    _charged: dict[tuple[str, str], Chargeback] = field(default_factory=dict)
    _whole: dict[str, MailPage] = field(default_factory=dict)
    """The mail of the whole by language, for as many readers as there are."""

    @classmethod
    def open(
        cls, month: Month, page: Path, made_by: str, arguments: argparse.Namespace, settings: Settings, largest: int
    ) -> MonthWriter:
        """Of a report that may be handed on, which `made_by` makes. Raises as `report.fresh` does, `BadFile`."""
        from flexlib.front.chargeback import find_rules
        from flexlib.report.fresh import check_fresh, check_made_of, read_zone
        from flexlib.report.inputs import Inputs

        if arguments.rules and not arguments.rules.is_file():
            raise BadFile(_("{file} is not there; give the file of your rules.").format(file=arguments.rules))
        check_fresh(page, command := write_command(made_by))
        load = partial(load_shown_spend, settings, month, zone=read_zone(page), roster=arguments.roster)
        writer = cls(month, page, load, find_rules(arguments.rules), settings.language, made_by, largest)
        inputs = Inputs(settings, settings.data.absolute(), arguments.roster)
        check_made_of(page, writer.usage.snapshots, writer.usage.proofs, inputs, command)
        return writer

    @property
    def spend(self) -> Spend:
        """One for each language: what is loaded keeps the sentences that it was first asked for."""
        language = find_language()
        if language not in self._spends:
            self._spends[language] = self.load()
        return self._spends[language]

    @property
    def usage(self) -> MonthUsage:
        return self.spend.loaded[0]

    def has_part(self, reader: Reader) -> bool:
        """Whether the month has what the reader is to be mailed; where it has not, that is said."""
        return not reader.level or self.find_line(reader) is not None

    def find_said(self, reader: Reader) -> Said:
        """What the reader is told at the top of the mail."""
        from flexlib.cli.send_said import say_part

        line = self.find_line(reader) if reader.level else None
        return say_part(line, self.usage) if line else self._said

    def find_files(self, reader: Reader, *, says: bool = False) -> dict[str, bool]:
        """The names of the files that the reader is to have, and whether each can be attached; where it `says` so, who
        sends is told what cannot."""
        with nullcontext() if says else speak(self.language):
            found = {file.name for file in self._find_files(reader)[0]}
        asked = (self.page.with_suffix(f".{ending}").name for ending in reader.attach)
        return {name: name in found for name in asked}

    def write(self, reader: Reader, told: Told | None = None) -> Content:
        """The mail of a reader, in their language; `told`: the last one that they have, where there is one."""
        from flexlib.cli.send_said import explain_replaced
        from flexlib.deliver.months import Content
        from flexlib.page.mail.markup import render_mail
        from flexlib.page.mail.text import write_mail

        self._find_files(reader)  # what is left out is told to who sends as well
        with speak(reader.language or self.language):
            files, left_out = self._find_files(reader)
            warnings = explain_replaced(told, self.find_said(reader), [file.name for file in files]) if told else []
            notes = [
                *left_out,
                _("Sent by flexlib; each reader is mailed a month once, and again where its state or one of its "
                  "amounts changes, is a lower bound no longer or only now, or where a file that it lacked can be "
                  "attached."),
            ]  # fmt: skip
            page = self._build_part(reader, warnings, notes) if reader.level else self._build_month(warnings, notes)
            html, page = render_mail(page)
            pictures = {one.picture.name: one.picture.png for one in page.sections if one.picture}
            return Content(page.subject, write_mail(page), html, find_language(), pictures, files)

    @cached_property
    def _said(self) -> Said:
        from flexlib.cli.send_said import say_month

        return say_month(self.spend)

    def _build_month(self, warnings: Sequence[str], notes: Sequence[str]) -> MailPage:
        from flexlib.page.mail.month import build_month_mail

        if self.spend.zone != SHARED_ZONE:
            said = _("Departments stand in the mail of a month of {shared} alone; this month is of {zone}.")
            notes = [said.format(shared=SHARED_ZONE, zone=self.spend.zone), *notes]
        language = find_language()
        if language not in self._whole:
            spent = self.spend.total("flex_credits")
            amount = None if spent is None else Decimal(spent)
            self._whole[language] = build_month_mail(
                self.usage, self.spend.before, amount, departments=self._table_departments()
            )
        page = self._whole[language]
        return replace(page, warnings=[*warnings, *page.warnings], notes=notes)

    def _table_departments(self) -> Table | None:
        """Who the month is charged to, departments of few people as one line: a mail is handed on. None where nobody
        belongs to any, and of another zone than what is shared."""
        from flexlib.front.chargeback import charge_month
        from flexlib.tables.brief_charges import table_brief_charges

        try:
            made = charge_month(self.spend, "department", self.rules, share=True)
        except InvalidRequest:
            return None
        return table_brief_charges(made.lines, made.items, made.level, top=MOST_DEPARTMENTS)

    def _build_part(self, reader: Reader, warnings: Sequence[str], notes: Sequence[str]) -> MailPage:
        from flexlib.analysis.frames import read_rows
        from flexlib.page.mail.part import build_part_mail

        line, made = self.find_line(reader), self._charge(reader.level)
        assert line is not None  # `has_part` has been asked
        return build_part_mail(made, line, read_rows(made.list_models(line)), warnings=warnings, notes=notes)

    def _charge(self, level: str) -> Chargeback:
        from flexlib.front.chargeback import charge_month

        key = find_language(), level
        if key not in self._charged:
            self._charged[key] = charge_month(self.spend, level, self.rules)
        return self._charged[key]

    def find_line(self, reader: Reader) -> ChargeLine | None:
        from flexlib.tables.chargeback import name_level

        words = {"level": name_level(reader.level), "name": reader.name, "month": self.month, "reader": reader.to}
        try:
            lines = self._charge(reader.level).parts
        except InvalidRequest as error:
            self._say(_("{reader} is not mailed: {why}").format(why=error, **words))
            return None
        found = next((line for line in lines if line.name == reader.name), None)
        if found is None:
            self._say(
                _(
                    "{reader} is not mailed: nobody is charged as {level} {name} in {month}; check the name in the "
                    "file of readers."
                ).format(**words)
            )
        return found

    def _find_files(self, reader: Reader) -> tuple[list[Path], list[str]]:
        """What is attached, and sentences for the reader on what is not."""
        from flexlib.report.notes import explain_unsent, is_older

        found, left_out, room = list[Path](), list[str](), self.largest
        for ending in reader.attach:
            file = self.page.with_suffix(f".{ending}")
            if not file.is_file():
                self._say(_("{file} is not there and not attached to the mail to {reader}.").format(
                    file=file, reader=reader.to))  # fmt: skip
                left_out.append(_("{file} is not attached: it was not made.").format(file=file.name))
            elif is_older(file, self.page):
                self._say(_("{file} was made of another page and is not attached to the mail to {reader}.").format(
                    file=file, reader=reader.to))  # fmt: skip
                left_out.append(_("{file} is not attached: it was made of another page.").format(file=file.name))
            elif why := explain_unsent(file):
                self._say(_("{file} is not attached to the mail to {reader}: {why}.").format(
                    file=file, reader=reader.to, why=why))  # fmt: skip
                left_out.append(_("{file} is not attached: {why}.").format(file=file.name, why=why))
            elif file.stat().st_size > room:
                said = _("{file} is too large to be attached ({size} MB); ask who sends this mail.")
                size = format_amount(Decimal(file.stat().st_size) / 1_000_000, "0.1")
                left_out.append(said.format(file=file.name, size=size))
            elif why := self._explain_unshared(file):
                self._say(_("{file} is not attached to the mail to {reader}: {why}.").format(
                    file=file, reader=reader.to, why=why))  # fmt: skip
                left_out.append(_("{file} is not attached: it may show departments of few people.").format(
                    file=file.name))  # fmt: skip
            else:
                room -= file.stat().st_size
                found.append(file)
        return found, left_out

    def _explain_unshared(self, file: Path) -> str:
        """The mail says what departments of few people came to in one line; what is attached says no more."""
        from flexlib.cli.export_formats import explain_unattached

        return explain_unattached(file, self.page, self.spend.zone, self.command)

    def _say(self, sentence: str) -> None:
        """To who sends, in their language."""
        if not speaks_aside() and sentence not in self.lacks:
            self.lacks.append(sentence)
