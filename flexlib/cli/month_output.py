"""What `flexlib month` prints: what would run and why, what became of each step, and what there is in the end."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.commands import write_command
from flexlib.formats import clean_text
from flexlib.i18n import _, write_json, write_number

if TYPE_CHECKING:
    from flexlib.closing.inputs import Closing
    from flexlib.closing.run import Progress
    from flexlib.closing.steps import Record, Step

WIDTH = 20
"""Of the name of a step."""
MANY_OUTCOMES = ("done", "kept", "left out", "failed", "not run")


def find_width() -> int:
    """Of what became of a step, in the reader's language."""
    return max(len(_(one)) for one in (*MANY_OUTCOMES, "does not", "fails")) + 1


def print_preview(closing: Closing, found: Sequence[tuple[Step, bool, str]], arguments: argparse.Namespace) -> None:
    """What would run or fail, and why each step would or would not."""
    if arguments.json:
        steps = [
            {"step": step.name, "command": list(step.words), "runs": runs, "fails": step.exit_code > 0, "why": why}
            for step, runs, why in found
        ]
        print(write_json({"month": str(closing.month), "steps": steps}))
        return
    print(_("Closing {month}, not done (--dry-run)").format(month=closing.month.title))
    longest = max(WIDTH, *(len(step.name) + 1 for step, *_other in found))
    for step, runs, why in found:
        words, what = step.words, _("runs") if runs else _("fails") if step.exit_code else _("does not")
        print(clean_text(f"  {step.name:<{longest}}{what:<{find_width()}} {why}"))
        if runs and words:  # which reports, is known when something is stored
            print(clean_text("    " + write_command(f"flexlib {shlex.join(words)}")))


def print_step(record: Record, *, shows: bool = False) -> None:
    """A line for a step that is over, as soon as it is."""
    name, what = record.step, _(str(record.outcome))
    is_new = record.outcome in ("done", "failed")
    seconds = write_number(str(record.seconds))
    took = [_("{seconds} s").format(seconds=seconds)] if is_new and record.seconds is not None else []
    ended = [_("exit code {code}").format(code=record.exit_code)] if record.exit_code else []
    told = [*took, *filter(None, [record.state]), *ended, *([] if record.outcome == "done" else [record.why])]
    print(clean_text(f"  {name:<{WIDTH - 1}} {what:<{find_width()}} {', '.join(told)}".rstrip()), flush=True)
    # What a step says while it runs has been seen where somebody looks; why one that is kept does not end with 0, not.
    said = record.said if record.outcome == "kept" or (record.outcome == "done" and not shows) else ()
    said = record.besides if record.outcome == "failed" and not shows else said
    for line in (*(record.found if record.outcome in ("done", "kept") else ()), *said):
        print(clean_text(f"    {line}"), flush=True)


def render_summary(progress: Progress, file: Path) -> str:
    """One line on all steps, and the files that there are now."""
    from flexlib.closing.run import BEHIND

    records = progress.all_records
    counts = [(name, sum(one.outcome == name for one in records)) for name in MANY_OUTCOMES]
    what = ", ".join(f"{_(name)}: {count}" for name, count in counts if count)
    said = _("{month}: {what}; exit code {code}")
    lines = [said.format(month=progress.closing.month.title, what=what, code=progress.exit_code)]
    shown = [[*one.files][:1] if one.step == "site" else one.files for one in records]  # a site by its first page
    made = [name for files in shown for name in files if not name.endswith(BEHIND)]
    return "\n".join([*lines, *(f"📄 {name}" for name in (*made, str(file)))])
