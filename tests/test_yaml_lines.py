"""Faults in the YAML files of a project: each is told with the line in which it stands, whatever stands around it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from flexlib.cli.export_formats import FORMATS
from flexlib.closing.plan import read_plan
from flexlib.deliver.readers import read_readers
from flexlib.deliver.rules import read_rules as read_notices
from flexlib.errors import BadFile
from flexlib.front.chargeback_rules import read_rules
from flexlib.front.events import read_events
from flexlib.store.budgets import read_budgets

READERS: dict[str, Callable[[Path], object]] = {
    "budgets": read_budgets, "notices": read_notices, "mail": read_readers, "chargeback": read_rules,
    "events": read_events, "month": lambda path: read_plan(path, FORMATS),
}  # fmt: skip
FAULTY = {
    "budgets": """
budgets:
  - name: Platform
    whole: yes
    currency: dollars         # currency
    amount: a lot             # amount
    period: year              # period
  - whole: true
    name: Platform            # two budgets
    currency: usd
    amount:                   # amount
      none
    thresholds:               # thresholds
      - 0
    amuont: 5                 # amuont
    enforce: maybe
  - name: third
    team: ""                  # team
    currency: usd
    amount: 5
    period: cycle
    begins: 31                # begins
""",
    "notices": """
language: fr                  # language
zone: Mars/Olympus            # time zone
notices:
  - email: nobody             # email
    at: [soon]                # at
  - slack: ops
    scope: [moon]             # moon
  - slack: a b                # name of letters
    quiet: ["25:00", "08:00"] # time of day
  - slack: ops
    budget: all               # budget
    digest: 9                 # time of day
    zone: UTC
    language: es
  - budgets:                  # budgets
      - 5
    file: a.jsonl
""",
    "mail": """
language: fr                  # language
attach: [docx]                # attach
largest_mb: many              # largest_mb
mails:
  - department: Platform
    to: nobody                # to
    attach: [pdf]             # attach
  - to: a@example.com
    team: 5                   # team
  - language: de              # language
    to: a@example.com
  - to: a@example.com
    tema: billing             # tema
""",
    "chargeback": """
unmapped: some                # unmapped
pool: none                    # pool
pools:
  - name: seats
    usd_a_seat: thirty        # usd_a_seat
    seats: many               # seats
    rule: fair                # rule
  - usd: 5
    name: total               # total
    rule: use
    from: "2025-01-01"        # date
  - rule: use
    usd: 5
    name: third
    from: 2025-02-01
    until: 2025-01-01         # ends
taxes:
  - name: IVA
    percent: much             # percent
""",
    "events": """
events:
  - name: Hackathon
    date: soon                # no day
  - first: 2025-09-22
    last: 2025-09-26
    name:                     # no name
    scope: all                # scope
  - name: third
    date: 2025-09-22
    who: all                  # who
""",
    "month": """
zone: Mars/Olympus            # zone
names: perhaps                # names
reports:
  - llm_usage
  - notebook: 5               # reports
  - nothing_of_the_kind       # nothing_of_the_kind
exports:                      # exports
  - docx
fetsh: no                     # fetsh
""",
}  # fmt: skip


@pytest.mark.parametrize("kind", READERS)
def test_each_fault_is_told_with_the_line_in_which_it_stands(kind: str, tmp_path: Path) -> None:
    path, text = tmp_path / f"{kind}.yaml", FAULTY[kind].lstrip("\n")
    path.write_text(text)
    expected = {(number, found[1]) for number, line in enumerate(text.splitlines(), 1)
                if (found := re.search(r"\s# (.*)", line))}  # fmt: skip
    with pytest.raises(BadFile) as refused:
        READERS[kind](path)
    told = str(refused.value).splitlines()
    for line, word in sorted(expected):
        assert [one for one in told if one.startswith(f"line {line} of {path}") and word in one], (line, word, told)


@pytest.mark.parametrize("kind", READERS)
def test_a_name_without_its_colon_is_told_with_its_own_line_and_not_the_next(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"{kind}.yaml"
    path.write_text("zone: UTC\nlanguage es\nreports: []\n")
    with pytest.raises(BadFile, match="line 2, column 1 is not as YAML is written"):
        READERS[kind](path)
