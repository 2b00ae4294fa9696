"""Presets as files: what one may say, what is wrong in one, and what a company writes for its own gateway."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from flexlib.enums import LlmProvider, LlmTaskType
from flexlib.errors import BadFile, BadParameter
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.presets import choose_preset, describe_preset, list_presets, load_preset
from flexlib.sources.presets.preset import Preset

HOME = Path(__file__).parents[3]
EXAMPLE = HOME / "params" / "presets" / "my_gateway.yaml"

GATEWAY: dict[str, Any] = {
    "name": "mine",
    "title": "Mine",
    "evidence": "rows",
    "source": "https://example.com",
    "dataset": "usage",
    "mapping": {
        "created_at": ["at", "when"],
        "provider": "openai",
        "model_column": "model",
        "prompt_tokens": ["in", "fresh + cached"],
        "completion_tokens": "out",
        "aliases": ["Azure=openai"],
        "extra_counts": ["web_searches=searches"],
    },
}


def write(folder: Path, **changes: Any) -> Path:  # noqa: ANN401
    """A preset in a file; what is changed to None is left out."""
    said = {name: value for name, value in (GATEWAY | changes).items() if value is not None}
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(said), "utf-8")
    return file


def build(preset: Preset, columns: list[str] | None = None, **given: Any) -> CallMapping:  # noqa: ANN401
    mapping = preset.build_mapping(columns, **given)
    assert isinstance(mapping, CallMapping)
    return mapping


def test_the_example_in_params_is_a_preset_that_reads_as_it_says() -> None:
    preset = load_preset(EXAMPLE)
    mapping = build(preset, ["id", "time", "model", "input", "output"])
    assert (preset.name, preset.dataset, mapping.timezone) == ("my-gateway", "usage", "America/Santiago")
    assert mapping.makers[0] == "*claude*=anthropic"
    assert (mapping.preset, mapping.evidence) == ("my-gateway", "rows")


def test_of_several_columns_the_first_that_the_file_has_feeds_a_field(tmp_path: Path) -> None:
    preset = load_preset(write(tmp_path))
    assert build(preset, ["when", "in", "out"]).created_at == "when"
    assert build(preset, ["when", "fresh", "cached"]).prompt_tokens == "fresh + cached"
    assert build(preset, ["at", "when", "fresh"]).prompt_tokens == "in"  # which the reader then misses
    assert build(preset).created_at == "at"


def test_what_is_given_wins_over_what_the_preset_says(tmp_path: Path) -> None:
    mapping = build(
        load_preset(write(tmp_path)),
        created_at="sent",
        provider=LlmProvider.XAI,
        task_type="embedding",
        aliases=("azure=unknown", "Bedrock=unknown"),
        extra_counts=("web_searches=calls", "input_audio_tokens=audio"),
        metadata=None,
    )
    assert (mapping.created_at, mapping.provider, mapping.task_type) == ("sent", LlmProvider.XAI, LlmTaskType.EMBEDDING)
    assert mapping.aliases == ("azure=unknown", "Bedrock=unknown")
    assert mapping.extra_counts == ("web_searches=calls", "input_audio_tokens=audio")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"titel": "Mine"},
            "mine.yaml: titel is no field of a preset (did you mean title?); write one of dataset,",
        ),
        (
            {"name": None},
            "mine.yaml does not say its name, as every preset must; add a line such as name: my-gateway.",
        ),
        (
            {"source": ""},
            "mine.yaml does not say its source, as every preset must; add a line such as source: https",
        ),
        ({"evidence": "sure"}, "mine.yaml: evidence is 'sure'; write documented, samples or rows."),
        ({"dataset": "credits"}, "mine.yaml: dataset is 'credits'; write usage or charges."),
        (
            {"mapping": None},
            "mine.yaml: mapping does not say which column feeds which field; write lines such as created_at",
        ),
        (
            {"mapping": {"time": "at"}},
            "mine.yaml: time is no field of the mapping of usage ",
        ),
        (
            {"mapping": {"created_at": 2026}},
            'mine.yaml: created_at is 2026; write it as a text, in quotes: "2026".',
        ),
        (
            {"mapping": {"makers": [True]}},
            'mine.yaml: makers is True; write it as a text, in quotes: "True".',
        ),
        ({"recognize": [7]}, 'mine.yaml: recognize is 7; write it as a text, in quotes: "7".'),
    ],
)
def test_what_is_wrong_in_a_preset_is_one_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter) as refused:
        load_preset(write(tmp_path, **changes))
    line, said = re.fullmatch(r"(?:line (\d+) of )?(.*)", str(refused.value)).groups()  # type: ignore[union-attr]
    assert said.startswith(sentence)
    written = (tmp_path / "mine.yaml").read_text().splitlines()
    wrong = next(iter((changes.get("mapping") or {}).keys() or changes.keys()))
    assert line is None if wrong not in " ".join(written) else re.search(rf"\b{wrong}:", written[int(line) - 1])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: a\nname: b\n", "is no YAML: the name 'name' is given twice, again in line 2."),
        ("mapping:\n  model: a\n  model: b\n", "is no YAML: the name 'model' is given twice, again in line 3."),
        ("name: [a\n", "is no YAML: line 1, column 7 is not as YAML is written"),
        ("- name\n", "mine.yaml is no preset: it must hold name, title, evidence, source, dataset and mapping."),
        ("", "mine.yaml is no preset"),
        ("!!python/object/apply:os.getcwd []\n", "is no YAML: line 1, column 1 is not as YAML is written"),
    ],
)
def test_yaml_that_is_none_or_says_a_thing_twice_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(BadParameter, match=re.escape(sentence)):
        load_preset(file)


def test_a_mapping_that_makes_no_sense_names_the_preset(tmp_path: Path) -> None:
    preset = load_preset(write(tmp_path, mapping={"created_at": "at", "model": "gpt-4", "provider": "openai"}))
    with pytest.raises(BadParameter, match="^mine: which column holds the prompt tokens"):
        preset.build_mapping()
    with pytest.raises(BadParameter, match=r"^mine: --colour does not apply to a file of usage; leave it out\."):
        preset.build_mapping(colour="red")


def test_a_list_where_one_word_belongs_is_refused(tmp_path: Path) -> None:
    mapping = {"created_at": ["at", "when"], "model": "gpt-4", "provider": "openai", "grain": ["day"]}
    with pytest.raises(BadParameter, match=r"^line \d+ of mine.yaml: grain is a list of 1; write one text\.$"):
        load_preset(write(tmp_path, mapping=mapping))


@pytest.mark.parametrize("text", ["[]", "[1, 2]", "{}"[:0]])
def test_json_without_rows_is_of_no_system_and_no_fault_of_ours(tmp_path: Path, text: str) -> None:
    (file := tmp_path / "usage.json").write_text(text, "utf-8")
    with pytest.raises(BadFile, match=r"^usage.json holds no rows; export it again.$"):
        choose_preset(file)


def test_a_preset_does_not_say_which_rules_read_it(tmp_path: Path) -> None:
    said = {"name": "ours", "title": "t", "evidence": "rows", "source": "s", "dataset": "usage"}
    (file := tmp_path / "ours.yaml").write_text(yaml.safe_dump(said | {"mapping": {"rules": "1"}}), "utf-8")
    with pytest.raises(BadParameter, match="^line \\d+ of ours.yaml: rules is no field of the mapping of usage"):
        load_preset(file)


def test_a_preset_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        BadParameter, match="there is no preset 'opnrouter'; it must be one of .*, or a file of your own"
    ):
        load_preset("opnrouter")
    with pytest.raises(BadParameter, match=r"the preset .*gone\.yaml cannot be read"):
        load_preset(tmp_path / "gone.yaml")


@pytest.mark.parametrize("preset", list_presets(), ids=lambda one: one.name)
def test_every_preset_of_ours_is_recognized_by_its_columns_and_builds_a_mapping(preset: Any) -> None:  # noqa: ANN401
    assert preset.recognize
    assert preset.build_mapping().preset == preset.name
    assert re.fullmatch(r"https://\S+", preset.source)
    assert set(describe_preset(preset)) == {"name", "title", "dataset", "evidence", "source", "notes"}


def test_a_preset_says_only_what_a_mapping_knows() -> None:
    known = {one.name for one in fields(CallMapping)}
    assert {name for one in list_presets() if one.dataset == "usage" for name in one.mapping} <= known
