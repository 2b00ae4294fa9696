"""The entry that lets cron, systemd, Windows or GitHub run the month: absolute paths, quoted by the rules of each.

Settings need no place in an entry: flexlib reads the `.env` of the folder in which it runs.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from xml.etree import ElementTree

import flexlib
from flexlib.errors import InvalidRequest
from flexlib.i18n import MONTH_NAMES, _

TASK = "http://schemas.microsoft.com/windows/2004/02/mit/task"
PLAIN = re.compile(r"[\w/.:=+@-]+")
"""A word that needs no quotes."""
SHARED = "reports\n!reports/**/run.json\n!reports/**/mail/**"
"""What all who may read a repository may see: not the pages and the addresses of those who are mailed the month."""
PANGO = "sudo apt-get update && sudo apt-get install -y libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
"""Libraries of the system that a PDF needs."""


@dataclass(frozen=True)
class Job:
    """A command, and when it runs."""

    python: Path
    """Absolute; that of the environment in which flexlib is installed."""
    folder: Path
    """Absolute; that of the project, with its `.env`."""
    words: tuple[str, ...]
    """The command, without `flexlib`."""
    day: int
    at: time
    zone: str
    settings: tuple[str, ...] = ()
    """The names of settings that another machine must be given."""
    extras: tuple[str, ...] = ("reports",)
    """Those of flexlib that another machine must install."""
    has_names: bool = False
    """Whether people stand by name in what it makes."""

    @property
    def command(self) -> list[str]:
        return [str(self.python), "-P", "-m", "flexlib", *self.words]

    @property
    def when(self) -> str:
        return _("on day {day} of each month at {time}, {zone}").format(
            day=self.day, time=f"{self.at:%H:%M}", zone=self.zone
        )


def write_cron(job: Job) -> str:
    """Lines of a crontab: `%` would end the command there."""
    command = f"cd {shlex.quote(str(job.folder))} && {shlex.join(job.command)}".replace("%", r"\%")
    return "\n".join([
        "# " + _("flexlib {name}: {when}; settings: {file}").format(
            name=job.words[0], when=job.when, file=job.folder / ".env"),
        "# " + _("Where cron does not know CRON_TZ, as Debian's, the time is the machine's."),
        f"CRON_TZ={job.zone}",
        f"{job.at.minute} {job.at.hour} {job.day} * * {command}",
    ])  # fmt: skip


def write_systemd(job: Job) -> str:
    """A service and its timer, each below the name of its file; what the machine slept through is made up for."""
    return "\n".join([
        "# ~/.config/systemd/user/flexlib-month.service; " + _("settings: {file}").format(file=job.folder / ".env"),
        "[Unit]",
        f"Description=flexlib {job.words[0]}",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=oneshot",
        f"WorkingDirectory={_escape_unit(str(job.folder))}",
        f"ExecStart={' '.join(map(_quote_unit, job.command))}",
        "",
        "# ~/.config/systemd/user/flexlib-month.timer; "
        + _("then: {command}").format(command="systemctl --user enable --now flexlib-month.timer"),
        "[Unit]",
        f"Description=flexlib {job.words[0]}, {job.when}",
        "",
        "[Timer]",
        f"OnCalendar=*-*-{job.day:02d} {job.at:%H:%M}:00 {job.zone}",
        "Persistent=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ])  # fmt: skip


def write_windows(job: Job) -> str:
    """A task of the Task Scheduler as XML; Windows runs it by the clock of the machine."""
    ElementTree.register_namespace("", TASK)
    task = ElementTree.Element(f"{{{TASK}}}Task", {"version": "1.2"})

    def add(parent: ElementTree.Element, path: str, text: str | None = None) -> ElementTree.Element:
        for name in path.split("/"):
            parent = ElementTree.SubElement(parent, f"{{{TASK}}}{name}")
        parent.text = text
        return parent

    said = _("settings: {file}").format(file=job.folder / ".env")
    time = _("the time is that of the machine, which should be in {zone}").format(zone=job.zone)
    add(task, "RegistrationInfo/Description", f"flexlib {job.words[0]}; {said}; {time}")
    trigger = add(task, "Triggers/CalendarTrigger")
    add(trigger, "StartBoundary", f"2025-01-01T{job.at:%H:%M}:00")
    schedule = add(trigger, "ScheduleByMonth")
    add(schedule, "DaysOfMonth/Day", str(job.day))
    months = add(schedule, "Months")
    for name in MONTH_NAMES.split():
        add(months, name)
    settings = add(task, "Settings")
    add(settings, "MultipleInstancesPolicy", "IgnoreNew")
    add(settings, "StartWhenAvailable", "true")
    action = add(task, "Actions/Exec")
    add(action, "Command", str(job.python))
    add(action, "Arguments", subprocess.list2cmdline(job.command[1:]))
    add(action, "WorkingDirectory", str(job.folder))
    ElementTree.indent(task)
    register = "Register-ScheduledTask flexlib-month -Xml (Get-Content -Raw -Encoding UTF8 flexlib-month.xml)"
    note = f"<!-- {_('Keep this as {file}, then in PowerShell:').format(file='flexlib-month.xml')} {register} -->"
    return note + "\n" + ElementTree.tostring(task, encoding="unicode")


def write_github(job: Job) -> str:
    """A workflow of GitHub Actions in a repository that holds the folder; the stored months stay in its cache."""
    secrets = [f"          {name}: ${{{{ secrets.{name} }}}}" for name in ("WINDSURF_SERVICE_KEY", *job.settings)]
    kept = 'path: "data\\nreports", key: "flexlib-${{ github.run_id }}"'
    pango = [f"      - run: {PANGO}"] if "pdf" in job.extras else []
    command = json.dumps(shlex.join(["flexlib", *job.words]))  # a text of JSON is one of YAML
    shared = [
        "      - uses: actions/upload-artifact@v4",
        "        if: always()",
        f"        with: {{name: reports, path: {json.dumps(SHARED)}}}",
    ]
    if job.has_names:
        shared = ["      # " + _("No artifact: all who may read the repository would see people by name.")]
    return "\n".join([
        "# " + _(".github/workflows/flexlib-month.yml; its secrets: Settings, Secrets and variables, Actions"),
        "# " + _("GitHub drops a cache that was not read for a week, which is before the next month."),
        "# " + _("Keep `data` somewhere durable: on a runner of your own, or where steps copy it from and to."),
        "name: flexlib month",
        "on:",
        "  schedule:",
        f'    - cron: "{job.at.minute} {job.at.hour} {job.day} * *"',
        f"      timezone: {job.zone}",
        "  workflow_dispatch:",
        "concurrency: flexlib-month",
        "permissions: {contents: read}",
        "jobs:",
        "  month:",
        "    runs-on: ubuntu-latest",
        "    steps:",
        "      - uses: actions/checkout@v4",
        "      - uses: actions/setup-python@v5",
        '        with: {python-version: "3.13"}',
        "      - uses: actions/cache/restore@v4",
        f"        with: {{{kept}, restore-keys: flexlib-}}",
        *pango,
        f'      - run: python -m pip install "flexlib[{",".join(job.extras)}]=={flexlib.__version__}"',
        f"      - run: {command}",
        "        env:",
        *secrets,
        "      - uses: actions/cache/save@v4",
        "        if: always()",
        f"        with: {{{kept}}}",
        *shared,
    ])  # fmt: skip


WRITERS: Mapping[str, Callable[[Job], str]] = {
    "cron": write_cron,
    "systemd": write_systemd,
    "windows": write_windows,
    "github": write_github,
}
"""By the name of the option."""


def check_words(words: Sequence[str]) -> tuple[str, ...]:
    """The words of a command that may stand in an entry, which is a line. Raises `InvalidRequest`."""
    if wrong := [word for word in words if not word.isprintable()]:
        raise InvalidRequest(
            _("{word} has no place in a line of a schedule; leave it out.").format(word=repr(wrong[0]))
        )
    return tuple(words)


def _escape_unit(text: str) -> str:
    """A value of a unit: `%` begins a specifier."""
    return text.replace("%", "%%")


def _quote_unit(word: str) -> str:
    """A word of a command line of systemd, which has quotes, escapes, specifiers and variables."""
    escaped = _escape_unit(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return word if PLAIN.fullmatch(word) else f'"{escaped}"'
