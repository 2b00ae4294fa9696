"""What a list charges at each of its prices, and which counts contradict it: by hand."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pytest
from price_samples import build_house, build_model, list_prices, price_tokens, read_reason, read_usd

from flexlib.money.extra_counts import BASE_COUNTS, EXTRA_COUNTS, explain_contradiction, read_shape

TOKENS = frozenset({"input_mtok", "output_mtok"})
KEEPS = frozenset({"input_mtok", "cache_write_mtok", "cache_write_1h_mtok", "web_searches_kcount"})
HEARS = frozenset({"input_mtok", "cache_read_mtok", "input_audio_mtok", "cache_audio_read_mtok"})
FILES = frozenset({"input_mtok", "cache_write_mtok", "input_audio_mtok", "cache_audio_write_mtok"})


@pytest.fixture(autouse=True)
def keep_no_shape() -> None:
    """Each test reads its shapes itself: those kept by another would not be looked at again."""
    read_shape.cache_clear()


def is_contradicted(keys: frozenset[str], **given: int) -> bool:
    """Of a call that counts what is given, and of the base counts nothing where they are not."""
    counts = dict.fromkeys((*BASE_COUNTS.values(), *EXTRA_COUNTS), 0) | given
    absent = {name: name not in given for name in EXTRA_COUNTS} | dict.fromkeys(BASE_COUNTS.values(), False)
    return bool(read_shape(keys).is_contradicted(counts, absent))


@pytest.mark.parametrize(
    ("keys", "charged"),
    [
        (TOKENS, {"input_mtok": {"input_tokens": 1}, "output_mtok": {"output_tokens": 1}}),
        (
            KEEPS,
            {
                "input_mtok": {"input_tokens": 1, "cache_write_tokens": -1},
                "cache_write_mtok": {"cache_write_tokens": 1, "cache_write_1h_tokens": -1},
                "cache_write_1h_mtok": {"cache_write_1h_tokens": 1},
                "web_searches_kcount": {"web_searches": 1},
            },
        ),
        (
            HEARS,  # sound from the cache is taken away twice, as cached and as sound, and so given back once
            {
                "input_mtok": {
                    "input_tokens": 1, "cache_read_tokens": -1, "input_audio_tokens": -1, "cache_audio_read_tokens": 1,
                },
                "cache_read_mtok": {"cache_read_tokens": 1, "cache_audio_read_tokens": -1},
                "input_audio_mtok": {"input_audio_tokens": 1, "cache_audio_read_tokens": -1},
                "cache_audio_read_mtok": {"cache_audio_read_tokens": 1},
            },
        ),
        # Reasoning is not counted, so it is charged as what it is among.
        (
            TOKENS | {"output_reasoning_mtok"},
            {"input_mtok": {"input_tokens": 1}, "output_mtok": {"output_tokens": 1}, "output_reasoning_mtok": {}},
        ),
        (frozenset({"input_mtok", "made_up_mtok"}), {"input_mtok": {"input_tokens": 1}}),
        (frozenset({"requests_kcount"}), {"requests_kcount": {}}),
        (frozenset(), {}),
    ],
)  # fmt: skip
def test_each_price_is_for_what_no_narrower_price_is_for(
    keys: frozenset[str], charged: dict[str, dict[str, int]]
) -> None:
    assert read_shape(keys).charged == charged


@pytest.mark.parametrize(
    ("keys", "needed"),
    [
        (
            frozenset({"output_mtok"}),
            {"output_tokens": {("output_audio_tokens",), ("output_image_tokens",), ("output_video_tokens",)}},
        ),
        (
            HEARS,
            {
                "input_tokens": {
                    *(("cache_read_tokens",), ("cache_write_tokens",), ("cache_write_1h_tokens",)),
                    *(("cache_audio_read_tokens",), ("cache_image_read_tokens",)),
                    *(("input_audio_tokens",), ("input_image_tokens",), ("input_video_tokens",)),
                },
                "cache_read_tokens": {("cache_audio_read_tokens",), ("cache_image_read_tokens",)},
                "input_audio_tokens": {("cache_audio_read_tokens",)},
                "cache_audio_read_tokens": {("cache_read_tokens", "input_audio_tokens")},
            },
        ),
        (frozenset({"web_searches_kcount", "requests_kcount"}), {}),
    ],
)
def test_a_count_must_be_said_where_a_part_of_it_is_or_two_that_overlap_in_it(
    keys: frozenset[str], needed: dict[str, set[tuple[str, ...]]]
) -> None:
    assert {name: set(groups) for name, groups in read_shape(keys).needed} == needed


@pytest.mark.parametrize(
    ("keys", "counts", "contradicted"),
    [
        (KEEPS, {"input_tokens": 9, "cache_write_tokens": 5, "cache_write_1h_tokens": 5}, False),
        (KEEPS, {"input_tokens": 9, "cache_write_tokens": 5, "cache_write_1h_tokens": 6}, True),
        (KEEPS, {"input_tokens": 9, "cache_write_tokens": 10, "cache_write_1h_tokens": 0, "web_searches": 1}, True),
        (KEEPS, {"input_tokens": 9, "cache_write_tokens": 5, "web_searches": 1}, False),
        # Of 9, 5 are cached and 5 are sound: one at least is both, and 5 at most.
        (HEARS, {"input_tokens": 9, "cache_read_tokens": 5, "input_audio_tokens": 5}, True),  # it does not say
        (HEARS, {"input_tokens": 9, "cache_read_tokens": 5, "input_audio_tokens": 5, "cache_audio_read_tokens": 0},
         True),
        (HEARS, {"input_tokens": 9, "cache_read_tokens": 5, "input_audio_tokens": 5, "cache_audio_read_tokens": 1},
         False),
        (HEARS, {"input_tokens": 9, "cache_read_tokens": 5, "input_audio_tokens": 5, "cache_audio_read_tokens": 6},
         True),
        (HEARS, {"input_tokens": 9, "cache_read_tokens": 0, "input_audio_tokens": 5}, False),
        (HEARS, {"input_tokens": 9, "cache_read_tokens": 5, "input_audio_tokens": 0}, False),
        (HEARS, {"input_tokens": 9, "cache_read_tokens": 5}, False),
        (HEARS, {"input_tokens": 9, "cache_read_tokens": 1, "input_audio_tokens": 1}, True),
        (HEARS, {"input_tokens": 9, "cache_read_tokens": 2, "cache_audio_read_tokens": 1}, True),  # how much is sound?
        (FILES, {"input_tokens": 9, "cache_write_tokens": 5, "input_audio_tokens": 2}, True),  # nobody counts both
        (FILES, {"input_tokens": 9, "cache_write_tokens": 5, "input_audio_tokens": 0}, False),
    ],
)  # fmt: skip
def test_counts_contradict_a_list_where_less_than_nothing_is_charged_or_it_is_open_at_which_price(
    keys: frozenset[str], counts: dict[str, int], contradicted: bool
) -> None:
    assert is_contradicted(keys, **counts) is contradicted


def test_many_calls_are_asked_about_at_once() -> None:
    counts = {name: np.zeros(3, np.int64) for name in (*BASE_COUNTS.values(), *EXTRA_COUNTS)}
    counts |= {"input_tokens": np.array([9, 9, 9]), "cache_write_tokens": np.array([5, 5, 10])}
    counts["cache_write_1h_tokens"] = np.array([5, 6, 0])
    absent = {name: np.full(3, name != "cache_write_1h_tokens") for name in EXTRA_COUNTS}
    absent |= {name: np.full(3, False) for name in BASE_COUNTS.values()}
    assert read_shape(KEEPS).is_contradicted(counts, absent).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        (
            frozenset({"input_mtok", "cache_write_1h_mtok"}),
            "Missing ancestor price for cache_write_1h_tokens: cache_write_tokens",
        ),
        (
            frozenset({"input_mtok", "cache_read_mtok", "input_audio_mtok"}),
            "Missing join price for cache_read_tokens and input_audio_tokens: cache_audio_read_tokens",
        ),
    ],
)
def test_a_list_that_lacks_a_price_is_at_fault_and_charges_nothing(keys: frozenset[str], fault: str) -> None:
    shape = read_shape(keys)
    assert (shape.fault, shape.charged, shape.needed) == (fault, {}, ())


def test_a_list_without_a_fault_has_none() -> None:
    assert read_shape(HEARS).fault is None


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (
            {"input_tokens": 9, "cache_write_tokens": 5, "cache_write_1h_tokens": 6},
            "Invalid usage data: cache_write_1h_tokens (6) cannot exceed cache_write_tokens (5)",
        ),
        ({"input_tokens": 9, "cache_write_tokens": 5, "cache_write_1h_tokens": 5}, "they contradict each other"),
    ],
)
def test_a_contradiction_is_told_in_genai_prices_words_or_else_in_ours(counts: Mapping[str, int], said: str) -> None:
    prices = list_prices(input_mtok="2", cache_write_mtok="3", cache_write_1h_mtok="5")
    assert explain_contradiction(prices, counts) == said


def test_google_alone_charges_a_part_that_its_list_does_not_price_at_the_rate_of_what_it_is_among() -> None:
    model = build_model("m", list_prices(input_mtok="2", output_mtok="20"))
    answers = {
        seller: price_tokens(
            seller, "m", book=build_house(model, seller=seller), extra_counts={"input_video_tokens": 400}
        )
        for seller in ("google", "openai")
    }
    assert read_usd(answers["google"]) == Decimal("0.004")  # 1000*2 + 100*20
    assert read_reason(answers["openai"]) == "the list has no price of this model for input_video_tokens"


def test_each_extra_count_has_a_price_of_its_name() -> None:
    assert len(EXTRA_COUNTS) == 10
    assert [key.removesuffix("_kcount") for key in EXTRA_COUNTS.values()] == [
        name.replace("_tokens", "_mtok") for name in EXTRA_COUNTS
    ]
