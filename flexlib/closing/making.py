"""The steps of a month's run that make what people read: reports, files for others, the folder of all months."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from flexlib.closing.inputs import Closing
from flexlib.closing.plan import ReportLine
from flexlib.closing.steps import Step
from flexlib.i18n import _
from flexlib.nesting.yaml_texts import decode_yaml
from flexlib.store.snapshots import list_months, list_newest

PAGE = "llm_usage"
"""The notebook whose page `flexlib export` shows, unless told otherwise."""
OTHER_MONTH = re.compile(r"\b\d{4}-\d{2}\b")
"""In the value of a parameter, such as that of `against`: a month, maybe a later one, that the report reads, too."""


def find_reports(closing: Closing) -> Iterator[Step]:
    """Runs the notebooks: those of the plan, else those for which something is stored."""
    from flexlib.report.parameters import ReportRequest, find_notebook, read_parameters
    from flexlib.report.values import find_zone

    lines = closing.plan.reports
    if lines is None:
        stored = {one.dataset for one in closing.list_certificates()}
        usual = {"flex_credits": "credits" in stored, "llm_usage": bool(stored)}
        lines = tuple(ReportLine(name) for name, has_any in usual.items() if has_any)
        if not lines:
            yield Step("reports", left_out=_("nothing of {month} is stored").format(month=closing.month), awaits=True)
    rules = closing.hash_rules()
    for line in lines:
        notebook = find_notebook(line.notebook)
        known, given = read_parameters(notebook), dict(line.parameters)
        if closing.plan.zone != "UTC" and "zone" in known and known["zone"].meaning == "zone":
            given.setdefault("zone", closing.plan.zone)
        options = [word for name, value in given.items() for word in ("-p", name, _write(value))]
        names = ["--names"] if closing.plan.names and "names" in known else []
        when = closing.when if "month" in known else ("-p", "year", str(closing.month.year), *closing.when[4:])
        words = ("report", "--notebook", line.notebook, *when, "--offline", "--output-dir", str(closing.output_dir))
        beside = ["--with", ",".join(closing.plan.beside)] if closing.plan.beside else []
        reads_others = "month" not in known or any(OTHER_MONTH.search(str(value)) for value in given.values())
        reads_others |= find_zone(given, known) not in ("UTC", closing.plan.zone)  # of which the next month has hours
        inputs = closing.hash_data(of_all=reads_others) | rules | closing.hash_files([notebook])
        name = f"report {ReportRequest(notebook, given, None, None).stem}"
        share = ["--share"] if closing.plan.share else []
        yield Step(name, (*words, *beside, *options, *names, *share), inputs, makes_files=True)


def find_exports(closing: Closing) -> Iterator[Step]:
    """Writes the month as files for others."""
    from flexlib.report.parameters import find_notebook

    named = [*(["--names"] if closing.plan.names else []), *(["--share"] if closing.plan.share else [])]
    is_empty = not list_newest(closing.month, closing.settings.data, ("credits", "usage"))
    reason = _("nothing of {month} is stored").format(month=closing.month) if is_empty else ""
    inputs = closing.hash_sums() | closing.hash_files([find_notebook(PAGE)])
    for name in closing.plan.exports:
        if name in closing.plan.unshared:
            yield Step(f"export {name}", left_out=_("its rows are finer than pages that everybody may see"))
            continue
        options = (*named, *(closing.zone_words if name != "focus" else ()))  # which is of days of UTC
        words = ("export", "--format", name, *closing.when, "--output-dir", str(closing.folder), *options)
        yield Step(f"export {name}", words, inputs, reason, is_empty, makes_files=True)


def find_site(closing: Closing) -> Iterator[Step]:
    """Builds the folder of all months beside that of the reports."""
    of = [*["--demo"] * closing.is_demo, *["--share"] * closing.plan.share, *closing.zone_words]
    words = ("site", *of, "--json", "--output", str(closing.site), "--reports", str(closing.output_dir))
    reason = "" if list_months(closing.settings.data) else _("no month is stored")
    pages = closing.folder.parent.glob("*/*.html")
    inputs = closing.hash_data(of_all=True) | closing.hash_rules() | closing.hash_files(pages)
    yield Step("site", words, inputs, reason, bool(reason), makes_files=True)


def _write(value: Any) -> str:  # noqa: ANN401 (YAML)
    """As `-p` takes it, which reads it as YAML."""
    return value if isinstance(value, str) and decode_yaml(value) == value else json.dumps(value)
