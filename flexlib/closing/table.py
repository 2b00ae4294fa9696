"""The steps of a month's run, a line each: what it needs, and which commands it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from flexlib.certificate import UsageCertificate
from flexlib.closing.inputs import Closing
from flexlib.closing.making import find_exports, find_reports, find_site
from flexlib.closing.steps import Step
from flexlib.dates import Month
from flexlib.errors import FlexlibError
from flexlib.home import find_home
from flexlib.i18n import _, join_texts
from flexlib.proof import State
from flexlib.sources.registry import LEDGER, WINDSURF
from flexlib.store.ended import find_awaited
from flexlib.store.fx import load_rates
from flexlib.store.snapshots import find_snapshot, list_newest
from flexlib.store.unstored import explain_unstored

ATTACHED = ("*.html", "*.pdf", "*.xlsx")
"""What a mail may show or hold of the month's folder."""


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    name: str
    needs: tuple[str, ...]
    """Lines above of which no step may have failed."""
    find_steps: Callable[[Closing], Iterator[Step]]
    reads: tuple[str, ...] = ()
    """Lines above that bring what its steps read, and may fail: what lacks a rate says so, and the service of rates may
    be away for a day."""
    at_once: bool = False
    """Whether its steps may run beside each other."""


def find_fetch(closing: Closing) -> Iterator[Step]:
    """Reads the month from the server, and the one before it, to compare with, where nothing of it is stored."""
    settings, month, data = closing.settings, closing.month, closing.settings.data
    stored = find_snapshot(WINDSURF.dataset, month, data)
    is_whole = stored is not None and not stored.certificate.is_stale() and stored.certificate.state is State.COMPLETE
    current = _("stored and settled") if is_whole else ""
    if closing.is_demo:
        lacking = closing.list_lacking_made_up()
        current = current if is_whole and not any(one >= month for one in lacking) else ""
        first, last = min([month, *lacking]), max([month, *closing.around])
    else:
        first, last = month if find_snapshot(WINDSURF.dataset, month.previous, data) else month.previous, month
    demo = ("--demo",) if closing.is_demo else ()
    words = ("fetch", "--start-date", str(first.first), "--end-date", str(last.last), *demo, "--wait", "--json")
    reason = "" if settings.service_key or closing.is_demo else _("no service key is set")
    yield Step("fetch", words, current=current, left_out=reason, state=State.COMPLETE)


def find_rates(closing: Closing) -> Iterator[Step]:
    """Brings the rates of the dollar."""
    from flexlib.ingest.fx import find_missing_days
    from flexlib.money.fx import find_santiago_day

    if closing.is_demo:
        yield Step("rates", left_out=_("the made-up company has rates of its own"))
        return
    today = find_santiago_day(datetime.now(timezone.utc))
    missing, pending = find_missing_days(load_rates(closing.settings.data), closing.month.span, today)
    current = "" if missing or pending else _("every day of the month has its rate")
    yield Step("rates", ("fx", "update", *closing.when), current=current)


def find_ledger_months(closing: Closing) -> Iterator[Step]:
    """Closes the month in the ledger; in another zone than UTC also those around, which have hours of it."""
    month = closing.month
    if closing.is_demo or not closing.settings.has_ledger:
        yield Step("ledger", left_out=_("no calls are recorded here"))
        return
    for one in [month, *closing.around]:
        name = "ledger" if one == month else f"ledger {one}"
        words = ("close", "--year", str(one.year), "--month", str(one.month), "--wait", "--json")
        yield _look_into_ledger(Step(name, words, closing.hash_rating(), current=""), one, closing)


def _look_into_ledger(step: Step, month: Month, closing: Closing) -> Step:
    """The step with why there is nothing to close, or to close again; what is wrong with a ledger, the command says."""
    from flexlib.ingest.ledger import is_closed, is_worth_closing
    from flexlib.ledger.door import find_ledger
    from flexlib.ledger.read.months import read_month

    newest = find_snapshot(LEDGER.dataset, month, closing.settings.data, LEDGER.name)
    try:
        ledger = find_ledger(closing.settings)
        if newest is None:
            with read_month(month, ledger) as opened:
                is_worth = is_worth_closing(opened, closing.settings.data)
                reason = "" if is_worth else _("no call of {month} is recorded").format(month=month)
                return replace(step, left_out=reason)
        if newest.certificate.is_stale() or not is_closed(newest, ledger):
            return step
    except FlexlibError:
        return step
    certificate = newest.certificate
    if isinstance(certificate, UsageCertificate) and (certificate.unpriced_rows or certificate.rows_without_clp):
        return replace(step, current=None)  # a price or a rate that has come would fill them
    current = _("closed, and nothing was recorded since")
    return replace(step, current=current, state=certificate.state)


def find_import(closing: Closing) -> Iterator[Step]:
    """Imports what lies in the folder of exports."""
    plan = closing.plan
    if plan.folder is None or closing.is_demo:
        yield Step("import", left_out=_("no folder is named"))
        return
    folder = find_home() / plan.folder
    files = sorted(file for file in folder.rglob("*") if file.is_file()) if folder.is_dir() else []
    words = ("import", str(folder), "--wait", "--json", *plan.import_options)
    reason = _("{folder} is empty").format(folder=folder) if folder.is_dir() and not files else ""
    data, mine = closing.settings.data, (LEDGER.name, WINDSURF.name)
    # Where it was stored into a folder that is gone, or is not this one, nothing of it is in any total.
    is_there = any(one.source not in mine for one in list_newest(closing.month, data, ("usage", "charges")))
    # What was UNRECONCILED then may have been decided by hand since: the steps that read the month say what it is.
    inputs = closing.hash_files(files) | closing.hash_rating()
    yield Step("import", words, inputs, reason, current=None if is_there else "", is_judge=False)


def find_gap(closing: Closing) -> Iterator[Step]:
    """A step that fails where nothing of the month is stored and an earlier one has a source: that is not nothing
    used. What is made of other months does not need it."""
    month, data = closing.month, closing.settings.data
    if not list_newest(month, data, ("credits", "usage")):
        lacking = explain_unstored({source: [month] for source in find_awaited(month, data)}, data)
        if lacking:
            yield Step("sources", left_out=join_texts(lacking, " "), awaits=True, exit_code=State.GAP.exit_code)


def find_organization(closing: Closing) -> Iterator[Step]:
    """Holds the organization against what was spent."""
    file = closing.settings.organization
    reason = "" if file else _("no file says who belongs where")
    yield Step("organization", ("organization", "check", *closing.when), closing.hash_sums(), reason)


def find_budgets(closing: Closing) -> Iterator[Step]:
    """Checks the budgets."""
    reason = "" if closing.settings.budgets else _("there are no budgets")
    yield Step("budgets", ("check", *closing.when, *closing.zone_words), closing.hash_sums(), reason)


def find_notices(closing: Closing) -> Iterator[Step]:
    """Tells who has to know of budgets, each once; what waits to be told, as what the ledger counts, is no file that a
    step reads, so that it runs whenever there are rules."""
    rules = closing.settings.notices
    reason = _("of made-up data nobody is told") if closing.is_made_up else ""
    if not (rules and closing.settings.budgets):
        reason = _("no rules say who is told of budgets")
    yield Step("notices", ("notify", *closing.when, *closing.zone_words), left_out=reason, current="")


def find_mail(closing: Closing) -> Iterator[Step]:
    """Mails the month to those who have to see it, each once."""
    readers = closing.settings.mails
    reason = _("of made-up data nobody is told") if closing.is_made_up else ""
    if not readers:
        reason = _("no file says who is mailed the month")
    made = sorted(file for kind in ATTACHED for file in closing.folder.glob(kind)) if readers else []
    inputs = closing.hash_sums() | closing.hash_files([*([readers] if readers else []), *made])
    yield Step("mail", ("send", *closing.when, "--output-dir", str(closing.output_dir)), inputs, reason)


TABLE = (
    Line("fetch", (), find_fetch),
    Line("rates", (), find_rates),
    Line("ledger", (), find_ledger_months, ("rates",)),
    Line("import", (), find_import, ("rates",)),
    Line("sources", ("fetch", "ledger", "import"), find_gap),
    Line("organization", ("fetch", "ledger", "import"), find_organization),
    Line("budgets", ("organization",), find_budgets),
    Line("reports", ("budgets",), find_reports, at_once=True),
    Line("exports", ("budgets",), find_exports, at_once=True),
    Line("site", ("reports", "exports"), find_site),
    Line("notices", ("sources", "reports", "exports"), find_notices),
    Line("mail", ("sources", "reports", "exports"), find_mail),
)
"""In the order in which they run."""


def list_steps(line: Line, closing: Closing) -> list[Step]:
    """The steps of a line as things are now; of one that the plan leaves out that it does."""
    if line.name in closing.plan.left_out:
        return [Step(line.name, left_out=_("{file} says no").format(file=closing.plan.file))]
    return [replace(one, inputs={**one.inputs, **closing.hash_place(one.words)}) for one in line.find_steps(closing)]
