"""A site that is shared: departments of few people are one line of the same total, in every month and model."""

from __future__ import annotations

from pathlib import Path

import pytest
from spend_samples import AUGUST, SEPTEMBER, call, store

from flexlib.cli.main import main
from flexlib.front.sharing import find_folded
from flexlib.front.spend import load_spend
from flexlib.site.facts import Facts


def fill(root: Path) -> None:
    """Legal has 2 people in August and 5 in September, Sales 6, Data 8; each call is US$ 1.5."""
    for month, legal in ((AUGUST, 2), (SEPTEMBER, 5)):
        people = {"Legal": legal, "Sales": 6, "Data": 8}
        store(root, "import", month, *(
            call(f"{name}{one}", f"{month}-02T10:00:00", "1.5", model=("gpt-4o", "gpt-5")[one % 2], usable_type="user",
                 usable_key=f"{name}{one}", metadata=f'{{"department": "{name}"}}')
            for name, count in people.items() for one in range(count)
        ))  # fmt: skip


def test_a_department_that_is_small_in_one_month_is_folded_in_all_and_totals_stay(tmp_path: Path) -> None:
    fill(tmp_path)
    spend = load_spend(AUGUST, SEPTEMBER, tmp_path, zone="UTC", names=False)
    assert find_folded(spend, "department") == {"Legal", "Sales"}
    whole, shared = Facts(spend).by_month, Facts(spend, is_shared=True).by_month
    assert set(shared["department"]) == {"Data", "Small groups"}
    for keys in (["month"], ["model"], ["month", "model"]):
        for name in ("usd", "requests", "prompt_tokens", "unpriced_requests"):
            assert shared.groupby(keys)[name].sum().to_dict() == whole.groupby(keys)[name].sum().to_dict()
    assert [*map(str, shared.dtypes)] == [*map(str, whole.dtypes)]


def test_no_page_of_a_shared_site_names_a_department_of_few_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "data")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    for words in ([], ["--share"]):
        folder = tmp_path / "_".join(["site", *words])
        assert main(["site", "--reports", str(tmp_path / "none"), *words, "--output", str(folder)]) == 0
        files = [
            one
            for one in folder.rglob("*")
            if one.is_file() and b"legal" in (one.name.encode() + one.read_bytes()).lower()
        ]
        assert bool(files) == (not words), files
