"""Whether what a month's run is to mail can be: by its plan, settings and files alone, before its first step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from flexlib.addresses import MAIL, SIGNING, WEBHOOK
from flexlib.closing.plan import PLAN, MonthPlan, ReportLine
from flexlib.dates import SHARED_ZONE
from flexlib.deliver.readers import ATTACHABLE, Readers, read_readers
from flexlib.deliver.rules import Rule, read_rules
from flexlib.i18n import _
from flexlib.nesting import Faults
from flexlib.settings import Settings

REPORT = "llm_usage"
"""The notebook whose page a mail is of, and beside which lies what is attached."""


def list_unmailed(plan: MonthPlan, settings: Settings, folder: Path) -> list[str]:
    """Sentences on all for which the steps that mail would fail, or mail less than they are asked to; in `folder` lie
    the month's pages."""
    faults, readers, rules = Faults(), settings.mails, settings.notices
    if readers and readers.is_file() and "mail" not in plan.left_out:
        found: Readers | None = faults.read(read_readers, readers)
        faults.found += [] if settings.servers.mail else [_explain_no_server(readers, "mail: no", plan)]
        asked = {ending for one in found.readers for ending in one.attach} if found else set[str]()
        endings = [one for one in ATTACHABLE if one in asked]
        if line := _find_line(plan):
            faults.found += _explain_left(endings, readers, plan, line, reads_budgets=settings.budgets is not None)
        elif not (folder / f"{REPORT}.html").is_file():
            said = _("{file} says who is mailed the month, which needs the page {page}, and nothing makes it; add "
                     "{page} to reports in {path}, or write mail: no there.")  # fmt: skip
            faults.found.append(said.format(file=readers, page=REPORT, path=plan.file or PLAN))
    if rules and rules.is_file() and settings.budgets and "notices" not in plan.left_out:
        told: list[Rule] = faults.read(read_rules, rules) or []
        if not settings.servers.mail and any(one.channel == "email" for one in told):
            faults.found.append(_explain_no_server(rules, "notices: no", plan))
        faults.found += _explain_webhooks(told, rules, settings, plan)
    return faults.found


def _explain_no_server(file: object, line: str, plan: MonthPlan) -> str:
    return _(
        "{file} says who is mailed, and no mail server is known; set {mail} in the environment or in .env, or write "
        "{line} into {path}."
    ).format(file=file, mail=MAIL, line=line, path=plan.file or PLAN)


def _explain_webhooks(rules: Sequence[Rule], file: Path, settings: Settings, plan: MonthPlan) -> Iterator[str]:
    known = dict(settings.servers.webhooks)
    hooks = sorted({name for one in rules if one.channel in ("slack", "webhook") for name in one.to})
    said = _("{file} tells the webhook {name}, whose address is not known; set {setting} in the environment or in "
             ".env, or write notices: no into {path}.")  # fmt: skip
    for name in hooks:
        if name not in known:
            yield said.format(file=file, name=name, setting=f"{WEBHOOK}{name.upper()}", path=plan.file or PLAN)
    if not settings.servers.secret and any(one.channel == "webhook" for one in rules):
        said = _("{file} tells a webhook, whose messages are signed; set {setting} in the environment or in .env, name "
                 "the webhook as slack, or write notices: no into {path}.")  # fmt: skip
        yield said.format(file=file, setting=SIGNING, path=plan.file or PLAN)


def _find_line(plan: MonthPlan) -> ReportLine | None:
    """What makes the page that is mailed; None where the plan has no such line."""
    from flexlib.report.parameters import ReportRequest, find_notebook

    lines = plan.reports if plan.reports is not None else (ReportLine(REPORT),)
    stems = (ReportRequest(find_notebook(one.notebook), dict(one.parameters), None, None).stem for one in lines)
    return next((one for one, stem in zip(lines, stems, strict=True) if stem == REPORT), None)


def _explain_left(
    endings: Sequence[str], file: Path, plan: MonthPlan, line: ReportLine, *, reads_budgets: bool
) -> Iterator[str]:
    """Sentences on what is to be attached to the page of this line and would not be, as `report.fresh` judges it."""
    from flexlib.report.inputs import has_no_departments
    from flexlib.report.parameters import find_notebook, read_parameters
    from flexlib.report.values import find_zone
    from flexlib.store.row_hash import hash_file

    path, notebook = plan.file or PLAN, find_notebook(line.notebook)
    if lacking := [one for one in endings if one not in plan.beside]:
        said = _("{file} attaches {endings}, which nothing makes; write with: [{wanted}] into {path}, or take "
                 "{endings} out of attach.")  # fmt: skip
        wanted = ", ".join([*lacking, *plan.beside])
        yield said.format(file=file, path=path, endings=", ".join(lacking), wanted=wanted)
    known = read_parameters(notebook)
    zone = find_zone({"zone": plan.zone, **line.parameters}, known)
    asks_share = plan.share or line.parameters.get("share") is True
    made = {"file": notebook.name, "sha256": hash_file(notebook)}
    can_see = has_no_departments({"notebook": made, "files": dict.fromkeys(["budgets"] * reads_budgets)})
    can_see |= asks_share and "share" in known
    hidden = [one for one in endings if not can_see or one == "xlsx" and (zone != SHARED_ZONE or not asks_share)]
    if not hidden:
        return
    said = _("{file} attaches {endings}, which may show departments of few people; write share: yes into {path}, or "
             "take {endings} out of attach.")  # fmt: skip
    if zone != SHARED_ZONE:
        said = _(
            "{file} attaches {endings}, which may show departments of few people: they are left out of months of "
            "{shared} alone, and {path} has zone: {zone}. Take {endings} out of attach, or the zone out of the plan."
        )
    elif "share" not in known:
        said = _("{file} attaches {endings}, which may show departments of few people, and {notebook} has no parameter "
                 "share by which it leaves them out; take {endings} out of attach.")  # fmt: skip
    yield said.format(
        file=file, endings=", ".join(hidden), path=path, shared=SHARED_ZONE, zone=zone, notebook=notebook.name
    )
