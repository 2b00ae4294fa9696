"""One colour a model: always the same, never two alike, told apart by everybody."""

from __future__ import annotations

import math
import re
from itertools import combinations, permutations

import pytest

from flexlib.page.credits.calendar import shade_cell
from flexlib.page.kit.theme import (
    DARK,
    LIGHT,
    OTHER,
    SLOTS,
    assign_colours,
    css_colour,
    render_lab_style,
    render_page_style,
)

# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
VISIONS = {
    "all colours": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)

Matrix = tuple[tuple[float, ...], ...]


def multiply(matrix: Matrix, vector: list[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def read_linear(colour: str) -> list[float]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def see(colour: str, vision: str) -> list[float]:
    """The colour in OKLab as it is seen."""
    seen = [min(1.0, max(0.0, part)) for part in multiply(VISIONS[vision], read_linear(colour))]
    return multiply(TO_OKLAB, [part ** (1 / 3) for part in multiply(TO_CONES, seen)])


def measure_distance(one: str, other: str, vision: str) -> float:
    return math.dist(see(one, vision), see(other, vision))


def measure_contrast(one: str, other: str) -> float:
    light, dark = sorted(
        (sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), read_linear(c), strict=True)) for c in (one, other)),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


def test_red_and_green_of_a_traffic_light_would_not_pass() -> None:
    assert measure_distance("#c0504d", "#7a8a30", "no green") < 0.08


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_any_two_model_colours_can_be_told_apart(colours: dict[str, str], vision: str) -> None:
    near = {
        (one, other): distance
        for one, other in combinations([*SLOTS, OTHER], 2)
        if (distance := measure_distance(colours[one], colours[other], vision)) < 0.08
    }
    assert near == {}


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "paper"),
    [
        ("ink", "paper"),
        ("soft", "paper"),
        ("soft", "card"),
        ("more", "paper"),
        ("less", "paper"),
        ("accent", "paper"),
        ("good", "good-paper"),
        ("warn", "warn-paper"),
        ("bad", "bad-paper"),
        ("on-heat", "heat"),
    ],
)
def test_words_can_be_read_on_their_paper(colours: dict[str, str], text: str, paper: str) -> None:
    assert measure_contrast(colours[text], colours[paper]) >= 4.5


def test_light_and_dark_have_the_same_names_and_no_light_colour_has_two() -> None:
    assert list(LIGHT) == list(DARK)
    assert len(set(LIGHT.values())) == len(LIGHT)


@pytest.mark.parametrize(
    ("model", "slot"),
    [
        ("Claude Sonnet 4 Thinking", "blue1"),
        ("Claude Sonnet 4", "blue2"),
        ("Claude Sonnet 4.5 Thinking", "rose1"),
        ("Claude Sonnet 4.5", "rose2"),
        ("Claude 3.7 Sonnet Thinking", "purple1"),
        ("Claude Opus 4.5", "purple2"),
        ("GPT-5 High Thinking", "teal1"),
        ("GPT-5 Medium Thinking", "teal2"),
        ("GPT-5-Codex", "lime2"),
        ("Gemini 2.5 Pro", "amber1"),
        ("Gemini 2.5 Flash", "amber2"),
    ],
)
def test_a_model_has_the_colour_of_its_line(model: str, slot: str) -> None:
    assert assign_colours([model]) == {model: slot}


def test_the_order_of_the_models_changes_no_colour() -> None:
    models = ["GPT-5 High Thinking", "GPT-5.1 High Thinking", "Claude Sonnet 4", "never-seen"]
    assert len({tuple(sorted(assign_colours(order).items())) for order in permutations(models)}) == 1


def test_models_that_want_one_colour_get_two() -> None:
    slots = assign_colours(f"GPT-5.{number} High Thinking" for number in range(len(SLOTS)))
    assert set(slots.values()) == set(SLOTS)


def test_more_models_than_colours_are_other() -> None:
    slots = assign_colours(f"model-{number:02}" for number in range(len(SLOTS) + 2))
    assert sorted(slots.values()).count(OTHER) == 2


def test_a_paint_follows_the_page_and_has_the_light_colour_where_there_is_none() -> None:
    assert css_colour("blue1") == f"var(--flex-blue1,{LIGHT['blue1']})"


@pytest.mark.parametrize("style", [render_page_style(), render_lab_style()], ids=["page", "lab"])
def test_every_variable_that_is_used_is_declared_light_and_dark(style: str) -> None:
    used = set(re.findall(r"var\(--flex-([a-z0-9-]+)", style))
    assert used <= LIGHT.keys()
    assert all(len(re.findall(rf"--flex-{name}:", style)) == 2 for name in LIGHT)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("percent", range(0, 101, 2))
def test_the_letters_in_a_calendar_can_be_read_on_every_depth_of_blue(colours: dict[str, str], percent: int) -> None:
    alpha, letters = shade_cell(percent / 100)
    parts = zip(*(bytes.fromhex(colours[name][1:]) for name in ("heat", "paper")), strict=True)
    cell = bytes(round(alpha * over + (1 - alpha) * under) for over, under in parts)
    assert measure_contrast(colours[letters], f"#{cell.hex()}") >= 4.5
