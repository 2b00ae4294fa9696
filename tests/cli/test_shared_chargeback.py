"""A chargeback that is shared says nothing of what belongs to nobody, nor of how many departments there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_samples import read_words
from spend_samples import SEPTEMBER, call, store

import flexlib as fl
from flexlib.cli.main import main
from flexlib.front.chargeback import charge_month, find_rules
from flexlib.page import chargeback as page

WORDS = ["chargeback", "--year", "2025", "--month", "9"]
ALL = "All departments, and what is unmapped, are one line: apart, an amount would be that of a few people."
SOME = ("Departments of few people, and what is unmapped where it is of few, are one line: apart, an amount would be "
        "that of a few people.")  # fmt: skip


def fill(root: Path, **people: int) -> None:
    """A call of US$ 1.5 by each person of a department; of `nobody` they belong to none."""
    store(root, "import", SEPTEMBER, *(
        call(f"{name}{one}", "2025-09-02T10:00:00", "1.5", usable_type="user", usable_key=f"{name}{one}",
             metadata=json.dumps({"department": name} if name != "nobody" else {}))
        for name, count in people.items() for one in range(count)
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("people", "told", "heading"),
    [
        ({"Legal": 2, "Sales": 1, "nobody": 2}, ALL, "No department can be shown by itself"),
        ({"Legal": 2, "Data": 8, "nobody": 2}, ALL, "No department can be shown by itself"),
        ({"Legal": 2, "Sales": 2, "Data": 8}, ALL, "No department can be shown by itself"),
        ({"Legal": 2, "Data": 8, "nobody": 3}, SOME, "Data is charged US$ 12.00, 61.5 % of the whole"),
        ({"Legal": 2, "Sales": 3, "Data": 8, "nobody": 6}, SOME, "Data is charged US$ 12.00, 42.1 % of the whole"),
    ],
)  # fmt: skip
def test_where_departments_are_one_line_nothing_is_said_of_what_belongs_to_nobody_nor_how_many_departments_there_are(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    people: dict[str, int],
    told: str,
    heading: str,
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    fill(tmp_path / "data", **people)
    for words in ([], ["--share"]):
        made = charge_month(fl.load("2025-09"), "department", find_rules(None), share=bool(words))
        cards, found = read_words(page.show_charge_headlines(made).text), page.heading_for_charges(made)
        assert ("Charged to nobody" in cards, "Departments" in cards) == (not words, not words)
        assert (told in found.note) == bool(words)
        assert told not in page.show_charge_proof(made).text  # it is told once
        assert (found.heading.replace("\u00a0", " ") == heading) or not words
        assert main([*WORDS, *words]) == 0
        assert (told in capsys.readouterr().out) == bool(words)
        assert main([*WORDS, "--json", *words]) == 0
        assert json.loads(capsys.readouterr().out)["notes"] == [told] * bool(words)


def test_a_page_on_which_each_department_is_large_is_the_same_though_it_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    fill(tmp_path / "data", Data=8, Sales=6)
    cards = [
        page.show_charge_headlines(charge_month(fl.load("2025-09"), "department", find_rules(None), share=share)).text
        for share in (False, True)
    ]
    assert cards[0] == cards[1]
    assert "everything is somebody's" in cards[1].replace("&#x27;", "'")
