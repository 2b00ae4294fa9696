"""A site that is shared: departments of few people are one line of the same total, in every month and model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from spend_samples import AUGUST, SEPTEMBER, call, store

from flexlib.cli.main import main
from flexlib.front.sharing import find_folded
from flexlib.front.spend import load_spend
from flexlib.report.folder import find_packaged
from flexlib.report.manifest import hash_bytes, seal_manifest
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


def report(folder: Path, name: str, notebook: str, sha256: str = "", **changes: Any) -> None:  # noqa: ANN401
    """A page as `flexlib report` leaves it, of a notebook as flexlib brings it, with its manifest."""
    file, text = folder / f"{name}.html", "Legal: 3.00"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    own = find_packaged() / "notebooks" / f"{notebook}.ipynb"
    manifest = {
        "form": 1, "page": {"sha256": hash_bytes(text.encode()), "headlines": {}}, "parameters": {}, "language": "en",
        "notebook": {"file": f"notebooks/{notebook}.ipynb", "sha256": sha256 or hash_bytes(own.read_bytes())},
        "made_up": False, "snapshots": {}, "files": {}, "settings": {}, "versions": {},
    } | changes  # fmt: skip
    sealed = json.dumps(manifest | {"seal": seal_manifest(manifest)})
    file.with_name(f"{name}.manifest.json").write_text(sealed, "utf-8")


def test_a_shared_site_leaves_out_each_report_that_may_show_departments_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path / "data")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    folder = tmp_path / "reports" / "2025-09"
    report(folder, "chargeback", "chargeback", parameters={"level": "department"})
    report(folder, "year", "year", parameters={"share": False})
    report(folder, "folded", "chargeback", parameters={"level": "department", "share": True})
    report(folder, "flex_credits", "flex_credits", files={"rates/usd_clp.csv": "0", "params/events.yaml": "0"})
    report(folder, "budgets", "flex_credits", files={"params/budgets.yaml": "0"})
    report(folder, "edited", "flex_credits", sha256="0")
    everything = ["budgets.html", "chargeback.html", "edited.html", "flex_credits.html", "folded.html", "year.html"]
    for words, shown in (([], everything), (["--share"], ["flex_credits.html", "folded.html"])):
        assert main(["site", "--reports", str(folder.parent), "--output", str(tmp_path / "site"), *words]) == 0
        assert sorted(one.name for one in (tmp_path / "site" / "2025-09").iterdir()) == sorted(["index.html", *shown])
        said = capsys.readouterr().err
        assert [one for one in everything if f"2025-09/{one} is left out: it may show departments" in said] == [
            one for one in everything if one not in shown
        ]
