"""A model has one colour on a page: that of the chart is that of the table below it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from spend_samples import AUGUST, SEPTEMBER, call, store

import flexlib as fl
from flexlib.cli.main import main
from flexlib.front.year import list_models
from flexlib.page.kit.table import render_table
from flexlib.tables.year import table_models

OTHER = "other"


def read_colours(html: str, pattern: str) -> dict[str, str]:
    found = re.findall(pattern.format(colour=r'style="background:var\(--flex-(\w+),#\w+\)"'), html)
    return {unescape(name): colour for colour, name in found}


def read_legend(html: str) -> dict[str, str]:
    return read_colours(html, "<li><i {colour}></i>([^<]+)</li>")


def read_keys(html: str) -> dict[str, str]:
    """Of the lines of tables."""
    return read_colours(html, '<i class="key" {colour}></i>(?:<a[^>]*>)?([^<]+)')


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Models that by their names want one colour: two with amounts, one without a price, one of no cost, and one
    that has but a sum of the month, which no chart of days has.
    """
    monkeypatch.setenv("FLEXLIB_DATA", str(root := tmp_path / "data"))
    costs = {"gpt-4.1": "3", "gpt-4.1-mini": "2", "acme-chile-1": None, "gpt-3-free": "0", "gpt-4": "100"}
    for month in (AUGUST, SEPTEMBER):
        calls = [
            call(model, f"{month}-05", usd, model=model, usable_type="user", usable_id=7,
                 metadata='{"department": "Data"}', grain="month" if model == "gpt-4" else "call")
            for model, usd in costs.items()
        ]  # fmt: skip
        store(root, "ledger", month, *calls)
    return root


def test_a_model_has_the_colour_of_the_chart_in_the_table_below_it_on_each_page_of_a_site(
    data: Path, tmp_path: Path
) -> None:
    assert data.is_dir()
    assert main(["site", "--output", str(tmp_path / "site")]) == 0
    pages = ["index.html", "2025-08/index.html", "2025-09/index.html"]
    pages += [str(one.relative_to(tmp_path / "site")) for one in (tmp_path / "site").glob("departments/*.html")]
    assert len(pages) == 4
    for page in pages:
        html = (tmp_path / "site" / page).read_text("utf-8")
        legend, keys = read_legend(html), read_keys(html)
        named = {name: colour for name, colour in legend.items() if colour != OTHER}
        assert {"gpt-4.1", "gpt-4.1-mini"} <= named.keys(), page
        assert {name: keys[name] for name in named} == named, page
        assert {colour for name, colour in keys.items() if name not in named} == {OTHER}, page


def test_a_model_has_the_colour_of_the_chart_in_the_table_of_the_year(data: Path) -> None:
    assert data.is_dir()
    spend = fl.load("2025-08", "2025-09")
    legend = read_legend(spend.by("month", "model").plot(of="usd").render_html())
    keys = read_keys(render_table(table_models(list_models(spend, "usd"), spend.span)))
    named = {name: colour for name, colour in legend.items() if colour != OTHER}
    assert (len(named), {name: keys[name] for name in named}) == (3, named)
    assert keys["acme-chile-1"] == OTHER
