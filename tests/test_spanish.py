"""What was said wrongly, or not at all, in Spanish."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from babel.messages.pofile import read_po
from report_samples import certify, make_rows

from flexlib.certificate import State
from flexlib.cli.doctor import _look_at_settings
from flexlib.cli.fx import render_merge
from flexlib.cli.month_output import print_step
from flexlib.closing.steps import Outcome, Record
from flexlib.dates import Month
from flexlib.errors import SnapshotMissing
from flexlib.i18n import LOCALE, speak, use_language
from flexlib.ingest.windsurf.fetch import _summarize
from flexlib.ingest.windsurf.progress import Progress
from flexlib.page.compare import show_compare_title
from flexlib.store.snapshots import load_credits
from flexlib.tables.compare import name_unit

SEPTEMBER = Month(2025, 9)
ONE_ROW = make_rows([(1, "ana", "gpt-4", 0, 100)])


def test_what_happens_at_the_earliest_does_not_happen_as_soon_as_possible() -> None:
    with (LOCALE / "es" / "LC_MESSAGES" / "flexlib.po").open("rb") as file:
        said = [str(one.string) for one in read_po(file) if "at the earliest" in str(one.id)]
    assert len(said) == 5
    assert [one for one in said if "antes posible" in " ".join(one.split())] == []


def test_what_is_not_stored_is_told_by_its_name_in_the_readers_language(tmp_path: Path) -> None:
    use_language("es")
    with pytest.raises(SnapshotMissing, match=r"^No hay créditos de 2025-09 en "):
        load_credits(SEPTEMBER, tmp_path)


def test_the_bar_and_the_last_line_of_a_fetch_are_in_spanish_with_points(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # a narrow terminal cuts the bar's end
    outcome: Any = SimpleNamespace(tally=SimpleNamespace(data_points=31_474), counts_rows=True)
    snapshot: Any = SimpleNamespace(certificate=certify(ONE_ROW, users_asked=5_930, users_active=1_020))
    assert "Processed 5930 users | Active: 1020 | Data points: 31,474" in _summarize(snapshot, outcome)  # the seed's
    use_language("es")
    assert "Usuarios consultados: 5.930 | Activos: 1.020 | Datos: 31.474" in _summarize(snapshot, outcome)
    progress = Progress(forced=True)
    progress.start(10)
    progress.advance(10, 3, 20)
    progress.close()
    bar = capsys.readouterr().err
    assert "📊 Consultando usuarios: 100%" in bar
    assert "activos=3, datos=20" in bar


def test_the_seconds_of_a_step_have_a_comma(capsys: pytest.CaptureFixture[str]) -> None:
    step = Record("fetch", Outcome.DONE, seconds=71.5)
    for language, written in (("es", "71,5 s"), ("en", "71.5 s")):
        with speak(language):
            print_step(step)
        assert written in capsys.readouterr().out


def test_the_place_of_a_setting_is_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXLIB_LANG", "es")
    use_language("es")
    assert "FLEXLIB_LANG (entorno)" in _look_at_settings().text


def test_one_rate_is_not_told_as_many() -> None:
    use_language("es")
    merge: Any = SimpleNamespace(added=[1], changed=[], overruled=[])
    assert render_merge(merge, Path("rates.csv")).startswith("Agregados: 1 tipo de cambio; cambiados: 0.")


def test_a_month_within_a_title_and_a_unit_within_a_sentence_are_small() -> None:
    made: Any = SimpleNamespace(
        sides=("agosto de 2025", "septiembre de 2025"), unit="flex_credits", state=State.COMPLETE, versions=None,
        missing=(), certificates=(), zone="UTC",
    )  # fmt: skip
    use_language("es")
    assert "<span>septiembre de 2025 vs. agosto de 2025</span>" in show_compare_title(made).text
    assert [name_unit(one) for one in ("flex_credits", "usd", "clp")] == ["créditos flex", "US$", "CLP"]
