"""Whether what a month's run is to mail can be: by its plan and settings alone, before its first step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from flexlib.addresses import MAIL
from flexlib.closing.plan import PLAN, MonthPlan, ReportLine
from flexlib.dates import SHARED_ZONE
from flexlib.deliver.readers import ATTACHABLE, Readers, read_readers
from flexlib.deliver.rules import Rule, read_rules
from flexlib.i18n import _
from flexlib.nesting import Faults
from flexlib.settings import Settings

REPORT = "llm_usage"
"""The notebook whose page a mail is of, and beside which lies what is attached."""


def list_unmailed(plan: MonthPlan, settings: Settings) -> list[str]:
    """Sentences on all for which the steps that mail would fail, or mail less than they are asked to."""
    faults, readers, rules = Faults(), settings.mails, settings.notices
    if readers and readers.is_file() and "mail" not in plan.left_out:
        found: Readers | None = faults.read(read_readers, readers)
        faults.found += [] if settings.servers.mail else [_explain_no_server(readers, "mail: no", plan)]
        asked = {ending for one in found.readers for ending in one.attach} if found else set[str]()
        endings = [one for one in ATTACHABLE if one in asked]
        faults.found += _explain_left(endings, readers, plan)
    if rules and rules.is_file() and settings.budgets and "notices" not in plan.left_out:
        told: list[Rule] = faults.read(read_rules, rules) or []
        if not settings.servers.mail and any(one.channel == "email" for one in told):
            faults.found.append(_explain_no_server(rules, "notices: no", plan))
    return faults.found


def _explain_no_server(file: object, line: str, plan: MonthPlan) -> str:
    return _(
        "{file} says who is mailed, and no mail server is known; set {mail} in the environment or in .env, or write "
        "{line} into {path}."
    ).format(file=file, mail=MAIL, line=line, path=plan.file or PLAN)


def _explain_left(endings: Sequence[str], file: Path, plan: MonthPlan) -> Iterator[str]:
    """Sentences on what is to be attached and would not be; a page that the run does not make is what lies there."""
    lines = plan.reports if plan.reports is not None else (ReportLine(REPORT),)
    line = next((one for one in lines if one.notebook == REPORT), None)
    if line is None:
        return
    path = plan.file or PLAN
    if lacking := [one for one in endings if one not in plan.beside]:
        said = _("{file} attaches {endings}, which nothing makes; write with: [{wanted}] into {path}, or take "
                 "{endings} out of attach.")  # fmt: skip
        wanted = ", ".join([*lacking, *plan.beside])
        yield said.format(file=file, path=path, endings=", ".join(lacking), wanted=wanted)
    zone = line.parameters.get("zone", plan.zone)
    if "xlsx" in endings and zone != SHARED_ZONE:
        said = _(
            "{file} attaches xlsx, which may show departments of few people: they are left out of months of {shared} "
            "alone, and {path} has zone: {zone}. Take xlsx out of attach, or the zone out of the plan."
        )
        yield said.format(file=file, path=path, shared=SHARED_ZONE, zone=zone)
    elif "xlsx" in endings and not (plan.share or line.parameters.get("share") is True):
        yield _(
            "{file} attaches xlsx, which may show departments of few people; write share: yes into {path}, or take "
            "xlsx out of attach."
        ).format(file=file, path=path)
