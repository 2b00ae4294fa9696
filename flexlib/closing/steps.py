"""A step of a month's run, what became of it, and whether it has to run again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

from flexlib.closing.process import OURS, Run
from flexlib.dates import Month
from flexlib.errors import choose_worst
from flexlib.formats import format_number
from flexlib.i18n import _, join_and, join_texts, mark_text, to_english
from flexlib.proof import State
from flexlib.store.row_hash import hash_file


class Outcome(StrEnum):
    """What became of a step."""

    DONE = mark_text("done")
    KEPT = mark_text("kept")
    """Nothing that it reads has changed: what it made before is what it would make."""
    LEFT_OUT = mark_text("left out")
    """It has nothing to do."""
    FAILED = mark_text("failed")
    NOT_RUN = mark_text("not run")
    """A step that it needs has failed."""


STOPS = (Outcome.FAILED, Outcome.NOT_RUN)
"""After these nothing runs that needs the step."""


CHANGING = re.compile(r"\S*\d\S*")
"""Words with digits in a reason, such as a time or a count: they may be others though the same thing is wrong."""
EXCEEDED = "over"
"""The outcome of a budget, as `flexlib check --json` names it."""
MOST_SAID = 3
"""Lines of a step that went well that are kept, such as what the month lacks."""


@dataclass(frozen=True)
class Step:
    """One command of a month's run."""

    name: str
    words: tuple[str, ...] = ()
    """The command, without `flexlib`."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """What it reads, by name: the SHA-256 of each."""
    left_out: str = ""
    """Why it has nothing to do."""
    awaits: bool = False
    """Whether it is left out only as long as nothing is stored, which a step before it may change."""
    exit_code: int = 0
    """With which it fails where it is left out: of what is awaited nothing is there to be read."""
    current: str | None = None
    """Why there is nothing new, where what is stored says so; empty: it has to run; None: its inputs tell."""
    makes_files: bool = False
    """Whether the files that it names are what it makes."""
    state: State | None = None
    """Of what is stored, where that is why it need not run."""
    is_judge: bool = True
    """Whether what it said of the month still holds where it need not run; else another step says it."""


@dataclass(frozen=True)
class Record:
    """What became of a step, as `run.json` keeps it."""

    step: str
    outcome: Outcome
    why: str = ""
    command: tuple[str, ...] = ()
    exit_code: int | None = None
    state: str | None = None
    """Of the month, where the command says it."""
    seconds: float | None = None
    ran_at: str | None = None
    """When it ran: ISO, UTC."""
    said: tuple[str, ...] = ()
    """What it said besides, such as what the month lacks: for people, in the language of the run, as is the `why` of a
    step that failed. Programs go by `outcome`, `exit_code` and `state`."""
    inputs: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """What it made: path, SHA-256."""
    reads: dict[str, str] = field(default_factory=dict)
    """What the pages that it made had read, by their manifests: path, SHA-256; of what lies nobody knows where only
    the name."""
    undecided: tuple[str, ...] = ()
    """The months that it stored and that were not whole."""
    found: tuple[str, ...] = ()
    """What it found that somebody has to know and no state says, such as which budgets are exceeded."""

    @property
    def besides(self) -> tuple[str, ...]:
        """What a step that failed said, apart from why: what else has failed, and who was therefore not told."""
        return tuple(one for one in self.said if one.removeprefix(OURS) != self.why)

    def to_json(self) -> dict[str, Any]:
        facts = asdict(self) | {"why": to_english(self.why)}  # what no later run shows again is for programs
        return {name: value for name, value in facts.items() if value not in (None, "", (), {})}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Record:
        """Raises `KeyError`, `TypeError` and `ValueError` for what is no record."""
        lists = {name: tuple(facts.get(name, ())) for name in ("command", "said", "undecided", "found")}
        return cls(**{**facts, **lists, "outcome": Outcome(facts["outcome"])})


def decide(step: Step, earlier: Record | None, *, again: bool = False) -> tuple[bool, str]:
    """Whether the step has to run, and why or why not; `earlier` is what became of it the last time."""
    if step.left_out:
        return False, step.left_out
    if again:
        return True, "--again"
    if step.current:
        return False, step.current
    ran_at = None if earlier is None else earlier.ran_at
    if earlier is None or ran_at is None:
        return True, _("flexlib month has not done it yet")
    if earlier.outcome in STOPS:
        return True, _("it failed the last time")
    if step.current is not None:
        return True, _("there may be something new")
    if changed := list_changes(step, earlier):
        return True, _("changed: {what}").format(what=join_texts(changed, ", "))
    for file, hashed in earlier.files.items():
        if hash_made(Path(file)) != hashed:
            return True, _("{file} is gone, or another than it made").format(file=file)
    for file, hashed in earlier.reads.items():
        if hash_made(Path(file)) != hashed and hashed not in step.inputs.values():
            return True, _("changed: {what}").format(what=file)
    return False, _("nothing that it reads has changed since {when}").format(when=ran_at)


NAMES = {
    "flexlib": mark_text("flexlib itself"), "language": mark_text("the language"), "months": mark_text("stored months"),
    "settings": mark_text("the settings"), "data": mark_text("the folder of the data"),
}  # fmt: skip
"""What is read and is no file, by the name that a run notes of it."""


def list_changes(step: Step, earlier: Record) -> list[str]:
    """The names of what is not as it was."""
    names = dict.fromkeys((*step.inputs, *earlier.inputs))
    changed = [name for name in names if step.inputs.get(name) != earlier.inputs.get(name)]
    return [
        *([_("the command")] if step.words != earlier.command else []),
        *(_(NAMES[one]) if one in NAMES else one for one in changed),
    ]


def keep(step: Step, earlier: Record | None, why: str) -> Record:
    """The record of a step that need not run: what it made is what it made before."""
    if step.current is not None or earlier is None:
        code = step.state.exit_code if step.state else 0
        return Record(step.name, Outcome.KEPT, why, step.words, code, step.state and str(step.state))
    kept = replace(earlier, outcome=Outcome.KEPT, why=why)
    return kept if step.is_judge else replace(kept, exit_code=0, state=None, said=(), undecided=())


def list_found(words: Sequence[str], facts: Any) -> Iterator[str]:  # noqa: ANN401 (JSON)
    """Sentences on what a command found, by which command it is."""
    find = FINDERS.get(words[0])
    return find(facts) if find else iter(())


def _list_budgets(facts: Mapping[str, Any]) -> Iterator[str]:
    """The budgets of a check that are exceeded, and those that cannot be judged."""
    budgets = facts.get("budgets", ())
    if over := dict.fromkeys(one["name"] for one in budgets if one["outcome"] == EXCEEDED):
        yield _("exceeded: {names}").format(names=join_and([*over]))
    if unknown := dict.fromkeys(one["name"] for one in budgets if one["is_unknown"]):
        # What the command gives to programs is in English.
        yield _("cannot be judged, as flexlib check explains: {names}").format(names=join_and([*unknown]))


def _list_left_out(facts: Mapping[str, Any]) -> Iterator[str]:
    """The reports that a site lacks."""
    if left := facts.get("left_out", ()):
        yield _("reports that the site leaves out: {count}").format(count=format_number(len(left)))
    yield from left[:MOST_SAID]


FINDERS: dict[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {"check": _list_budgets, "site": _list_left_out}
"""By command: what of its JSON somebody has to know whom no state tells."""


def list_undecided(facts: Any) -> tuple[str, ...]:  # noqa: ANN401 (JSON)
    """The months that a command says it has stored and that are not whole."""
    stored = facts.get("months", [facts]) if isinstance(facts, dict) else facts if isinstance(facts, list) else ()
    states = {one.get("month"): one.get("month_state", one.get("state")) for one in stored if isinstance(one, dict)}
    return tuple(str(month) for month, state in states.items() if month and state and State(state).exit_code)


def judge(kept: Record, earlier: Record | None, run: Run) -> Record:
    """The record of a step that need not run with what the months are now that it had left undecided: they may have
    been decided by hand since, and nobody else in this run may look at them."""
    codes, left, said = [kept.exit_code or 0], list[str](), list[str]()
    for month in earlier.undecided if earlier else ():
        asked = Month.parse(month)
        ran = run(("spend", "--year", str(asked.year), "--month", str(asked.month), "--json"))
        code = ((earlier and earlier.exit_code) or 1) if ran.has_failed else ran.exit_code
        if code:
            codes, left, said = [*codes, code], [*left, month], [*said, *ran.said]
    return replace(kept, exit_code=choose_worst(codes), undecided=tuple(left), said=tuple(said)) if left else kept


def list_failed(records: Iterable[Record]) -> dict[str, str]:
    """The steps that have failed, each with its exit code and its reason by its hash: by these one way of failing is
    known again."""
    failed = (one for one in records if one.outcome is Outcome.FAILED)
    return {one.step: f"{one.exit_code} {hash_text(CHANGING.sub('', to_english(one.why)))[:8]}" for one in failed}


def hash_text(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def hash_made(file: Path) -> str | None:
    """None where it cannot be read."""
    try:
        return hash_file(file)
    except OSError:
        return None
