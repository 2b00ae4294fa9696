"""The file of rates: read back as it was written, whole or not at all, and never guessed at."""

from __future__ import annotations

import resource
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.errors import BadFile, BadRecord, DiskFailed
from flexlib.ledger import open_ledger, record_usage
from flexlib.money.fx import Rate
from flexlib.store.fx import KeptRate, find_rates_file, load_rates, read_kept_rates, write_kept_rates

MOMENT = datetime(2025, 10, 1, 12, tzinfo=timezone.utc)
RATES = st.builds(
    Rate,
    st.dates(),
    st.decimals(Decimal("1e-8"), 999_999, places=8),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12),
)


@given(st.lists(RATES, max_size=8, unique_by=lambda rate: rate.day))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, rates: list[Rate]) -> None:
    root = tmp_path_factory.mktemp("rates")
    write_kept_rates([KeptRate(rate, MOMENT) for rate in rates], root)
    assert list(load_rates(root)) == sorted(rates)
    assert [one.fetched_at for one in read_kept_rates(root)] == [MOMENT] * len(rates)


def test_folder_without_rates_has_none(tmp_path: Path) -> None:
    assert len(load_rates(tmp_path)) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("", "does not start with day,value"),
        ("date,rate\n2025-09-12,950\n", "does not start with day,value"),
        ("2025-09-12,abc,mindicador.cl,2025-10-01T12:00:00+00:00,\n", "line 2"),
        ("2025-09-12,950\n", "line 2"),
        ("2025-09-12,0,mindicador.cl,2025-10-01T12:00:00+00:00,\n", "line 2"),
        ("12.9.2025,950,mindicador.cl,2025-10-01T12:00:00+00:00,\n", "line 2"),
        ("2025-09-12,950,mindicador.cl,yesterday,\n", "line 2"),
    ],
)
def test_spoilt_file_is_named_with_its_line(tmp_path: Path, text: str, trouble: str) -> None:
    file = find_rates_file(tmp_path)
    file.parent.mkdir()
    file.write_text(text if "start" in trouble else "day,value,source,fetched_at,superseded_at\n" + text, "utf-8")
    with pytest.raises(BadFile, match=trouble):
        load_rates(tmp_path)


def test_day_that_stands_twice_without_being_superseded_is_refused(tmp_path: Path) -> None:
    day = datetime(2025, 9, 12).date()
    both = [KeptRate(Rate(day, Decimal(value), "mindicador.cl"), MOMENT) for value in ("950", "951")]
    write_kept_rates(both, tmp_path)
    with pytest.raises(BadRecord, match="each day must stand once"):
        load_rates(tmp_path)


def test_full_disk_leaves_the_old_file_whole_and_no_draft(tmp_path: Path) -> None:
    day = datetime(2025, 9, 12).date()
    write_kept_rates([KeptRate(Rate(day, Decimal(950), "mindicador.cl"), MOMENT)], tmp_path)
    before = find_rates_file(tmp_path).read_bytes()
    many = [KeptRate(Rate(day, Decimal(950), "mindicador.cl"), MOMENT)] * 1_000
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
    try:
        with pytest.raises(DiskFailed, match="file too large"):
            write_kept_rates(many, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert find_rates_file(tmp_path).read_bytes() == before
    assert [file.name for file in find_rates_file(tmp_path).parent.iterdir()] == ["usd_clp.csv"]


def test_reader_that_began_before_a_write_sees_the_old_table_to_its_end(tmp_path: Path) -> None:
    day = datetime(2025, 9, 12).date()
    write_kept_rates([KeptRate(Rate(day, Decimal(950), "mindicador.cl"), MOMENT)], tmp_path)
    before = find_rates_file(tmp_path).read_text("utf-8")
    with find_rates_file(tmp_path).open(encoding="utf-8") as reader:
        write_kept_rates([], tmp_path)
        assert reader.read() == before
    assert len(load_rates(tmp_path)) == 0


@pytest.mark.parametrize("spoilt", [b"\xff\xfe", b'"' + b"x" * 200_000, b"", None])
def test_a_spoilt_table_of_rates_is_told_and_stops_no_recording(spoilt: bytes | None, tmp_path: Path) -> None:
    file = find_rates_file(tmp_path)
    file.parent.mkdir()
    if spoilt is None:
        file.mkdir()
    else:
        file.write_bytes(spoilt)
    ledger = open_ledger(data=tmp_path)
    call = record_usage(usable=None, provider="openai", model="gpt-4o", prompt_tokens=1000, ledger=ledger)
    ledger.close()
    assert (call.amount_in_usd, call.amount_in_clp) == (Decimal("0.0025"), None)
    assert str(call.unconverted).startswith(f"{file} ")
    assert str(call.unconverted).endswith("move it away and run: flexlib fx update")
