"""The law of every preset: any calls, written in the form of its files and read back, are the same tokens and money."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from preset_forms import BILL_FORMS, FORMS, Billed, Call, Form
from preset_samples import build_mapping, find_preset_name, sum_rows
from spend_samples import ingest_charges

from flexlib.certificate import State
from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.ingest.files.importing import import_usage
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.presets import choose_preset, list_presets

counts = st.integers(0, 10**7)
calls = st.lists(
    st.builds(
        Call,
        second=st.integers(0, 86400 * 30),
        model=st.sampled_from(["claude-sonnet-4-5", "gpt-4o-2024-08-06", "gemini-2.5-pro"]),
        fresh=counts.map(lambda tokens: tokens + 1),
        cached=counts,
        written=counts,
        completion=counts,
        usd=st.integers(1, 10**12).map(lambda parts: Decimal(parts).scaleb(-10)),
    ),
    min_size=1,
    max_size=6,
)
cuts = st.tuples(st.integers(0, 5), st.integers(1, 6))
"""Where the second export begins and where the first one ends."""

charges = st.lists(
    st.builds(
        Billed,
        day=st.integers(0, 30),
        model=st.sampled_from(["claude-sonnet-4-5", "gpt-4o-2024-08-06"]),
        usd=st.integers(-(10**12), 10**12).map(lambda parts: Decimal(parts).scaleb(-10)),
    ),
    min_size=1,
    max_size=6,
)


def test_no_preset_is_left_out() -> None:
    assert sorted(form.name for form in (*FORMS, *BILL_FORMS)) == sorted(preset.name for preset in list_presets())


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@settings(max_examples=10, deadline=None)
@given(made=calls)
def test_any_calls_written_as_a_system_does_and_read_back_are_the_same_tokens_and_money(
    form: Form, made: list[Call]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = form.write_file(Path(folder) / "calls", [form.write(number, call) for number, call in enumerate(made)])
        assert find_preset_name(file) == form.name
        assert sum_rows(file) == form.expect(made)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@settings(max_examples=3, deadline=None)
@given(made=calls, cuts=cuts)
def test_two_exports_that_overlap_are_the_calls_once_or_not_reconciled(
    form: Form, made: list[Call], cuts: tuple[int, int]
) -> None:
    end = min(cuts[1], len(made))
    start = 0 if form.name == "codex" else min(cuts[0], end, len(made) - 1)  # a session always begins at its beginning
    rows = [form.write(number, call) for number, call in enumerate(made)]
    with tempfile.TemporaryDirectory() as folder:
        months: dict[Month, Any] = {}
        for name, part in (("first", rows[:end]), ("second", rows[start:])):
            file = form.write_file(Path(folder) / name, part)
            try:
                found = import_usage(file, build_mapping(file), Path(folder) / "data")
            except BadFile as error:  # too short to say whether it is a copy
                if part == rows[:end] and "byte for byte" in str(error):
                    return
                raise
            months |= {one.certificate.month: one.certificate for one in found}
        whole = form.expect(made)
        counted = [sum(getattr(one, f"{name}_tokens") for one in months.values()) for name in ("prompt", "completion")]
        is_open = any(one.state is State.UNRECONCILED for one in months.values())
        assert is_open or counted == [whole.prompt, whole.completion]


@pytest.mark.parametrize("form", BILL_FORMS, ids=lambda form: form.name)
@settings(max_examples=6, deadline=None)
@given(made=charges, cuts=cuts)
def test_any_charges_written_as_a_bill_and_read_back_whole_or_in_two_exports_are_the_same_money_once(
    form: Form, made: list[Billed], cuts: tuple[int, int]
) -> None:
    end = min(cuts[1], len(made))
    start = min(cuts[0], end, len(made) - 1)
    rows = [form.write(number, one) for number, one in enumerate(made)]
    whole = sum((one.usd for one in made), Decimal())
    with tempfile.TemporaryDirectory() as folder:
        for parts in ({"whole": rows}, {"first": rows[:end], "second": rows[start:]}):
            months: dict[Month, Any] = {}
            for name, part in parts.items():
                file = form.write_file(Path(folder) / name, part)
                preset, columns = choose_preset(file)
                mapping = preset.build_mapping(columns)
                assert isinstance(mapping, ChargeMapping)
                assert preset.name == form.name
                found = ingest_charges([file], mapping, Path(folder) / "-".join(parts))
                months |= {one.certificate.month: one.certificate for one in found}
            billed = [Decimal(line["amount"]) for one in months.values() for line in one.amounts]
            is_open = any(one.state is State.UNRECONCILED for one in months.values())
            assert is_open or sum(billed, Decimal()) == whole
