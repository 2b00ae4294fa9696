"""How deep values may lie in each other: the same on every Python, and far from where the interpreter gives up."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.i18n import speak
from flexlib.nesting import MOST_NESTED, GivenTwice, TooDeep, decode_json, format_given
from flexlib.nesting.yaml_texts import NoYaml, decode_yaml, explain_unread

VALUES = st.recursive(
    st.none() | st.integers() | st.text('[]{}"\\ a', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\', max_size=3), inner, max_size=3),
)


def nest(levels: int, value: object = None) -> Any:  # noqa: ANN401
    for level in range(levels):
        value = {"a": value, "b": []} if level % 2 else [value]
    return value


@given(VALUES)
def test_what_json_decodes_is_decoded(value: object) -> None:
    beside: list[Any] = [[] for _ in range(MOST_NESTED + 1)]  # so many brackets that the levels are counted
    assert decode_json(json.dumps([value, *beside])) == [value, *beside]


def test_the_last_level_is_read_and_the_next_is_not() -> None:
    assert decode_json(json.dumps(nest(64, 1))) == nest(64, 1)
    with pytest.raises(TooDeep, match="it is nested more than 64 levels deep"):
        decode_json(json.dumps(nest(65, 1)))


def test_brackets_in_a_text_are_no_levels() -> None:
    text = "[" * 1000 + '\\"' + "{" * 1000
    assert decode_json(json.dumps({text: text})) == {text: text}


@pytest.mark.parametrize("text", ["[" * 1_000_000, '{"a":' * 1_000_000, "[" * 65 + "]" * 65 + "x"])
def test_what_breaks_the_decoder_of_some_python_never_reaches_it(text: str) -> None:
    with pytest.raises(TooDeep):
        decode_json(text)


@pytest.mark.parametrize("text", ["[" * 64, "[[]" * 30, "[}" * 40, '"[', "]" * 200, "[]" * 100])
def test_what_is_no_json_is_refused_by_the_decoder(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        decode_json(text)


def test_the_limit_is_far_from_that_of_the_strictest_python() -> None:
    assert sys.getrecursionlimit() > MOST_NESTED * 4


def test_a_value_is_shown_as_python_shows_it_unless_it_is_long_or_nested() -> None:
    assert format_given("a b") == "'a b'"
    assert format_given(("user", 42)) == "('user', 42)"
    assert format_given(nest(100_000)).count("...") == 1
    assert len(format_given("x" * 1000)) == 200


def test_a_number_of_thousands_of_digits_is_shown_without_them() -> None:
    assert format_given(10**5000) == "a number of hundreds of digits"
    assert format_given(10**20) == "100000000000000000000"


def test_a_name_that_is_given_twice_is_refused_wherever_it_stands() -> None:
    for decode in (decode_json, decode_yaml):
        assert decode('{"a": {"b": 1}, "b": [{"a": 1}]}') == {"a": {"b": 1}, "b": [{"a": 1}]}
        with pytest.raises(GivenTwice, match="the name 'b' is given twice"):
            decode('{"a": [{"b": 1, "c": 0, "b": 1}]}')


def test_yaml_is_read_as_deep_as_json_and_what_is_none_is_refused() -> None:
    assert decode_yaml("year: 2025\nnames: [a, b]") == {"year": 2025, "names": ["a", "b"]}
    assert decode_yaml("a: &x {m: 1, n: 2}\nb: {<<: *x, n: 3}")["b"] == {"m": 1, "n": 3}
    assert decode_yaml(json.dumps(nest(64, 1))) == nest(64, 1)
    with pytest.raises(TooDeep):
        decode_yaml("a: " + "[" * 50_000)
    with pytest.raises(NoYaml, match="line 2, column 5 is not as YAML is written"):
        decode_yaml("a: 1\nb: c: 2")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a: [1", 1, 6), ("a: 1\n\tb: 2", 2, 1), ("a: é\nbé: \x07", 2, 5), ("a: *b", 1, 4),
     ("a: !!python/object/apply:os.getcwd []", 1, 4), ("? [a]\n: 1", 1, 3)],
)  # fmt: skip
def test_what_is_no_yaml_is_told_by_its_place_in_a_sentence_of_ours(text: str, line: int, column: int) -> None:
    with speak("es"), pytest.raises(NoYaml) as refused:
        decode_yaml(text)
    assert str(refused.value).startswith(f"línea {line}, columna {column} no está escrito")
    said = "is not as YAML is written; look there and just before at indentation, colons, quotes and brackets"
    assert refused.value.english == f"line {line}, column {column} {said}"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["a: 1", "b 2", "c: 3"], "line 2, column 1 is"),  # noticed in line 3
        (["a:", "  - b: 1", "    c 2", ""], "line 3, column 5 is"),  # and in line 4, which there is not
        (["a:", "  - b 1", "    c: 2", "  - b: 1"], "from line 2, column 5 to line 3 it is"),
        (["a: 'b", "c: d", ""], "from line 1, column 4 to line 2 it is"),
        (['a: "b', "c: 1", 'd: "e"'], "from line 1, column 4 to line 3 it is"),
        (["a: [1, 2", "b: 1", "c: 1"], "from line 1, column 8 to line 2 it is"),
        (["a:", "  - {b: 1, c: 2", "  - {b: 1, c: 2}"], "from line 2, column 15 to line 3 it is"),
        (["a: {b: 1", "", ""], "line 1, column 4 is"),
        (["a: {b: c", "    d: 1}"], "from line 1, column 8 to line 2 it is"),  # a comma is missing
        (["a: 1", "  b: 2"], "from line 1, column 4 to line 2 it is"),
        (["a:", "    b: 1", "  c: 2"], "line 3, column 3 is"),
        (["a: |", "  text", " b: 1"], "line 3, column 2 is"),
        (["a: 1", "b: @c", "d: 2"], "line 2, column 4 is"),
    ],
)
def test_what_is_no_yaml_is_told_by_the_line_in_which_it_begins_and_not_where_it_was_noticed(
    lines: list[str], said: str
) -> None:
    with pytest.raises(NoYaml) as refused:
        decode_yaml("\n".join(lines))
    assert str(refused.value).startswith(f"{said} not as YAML is written; look there")


def test_a_file_in_another_encoding_is_told_so() -> None:
    with speak("es"), pytest.raises(UnicodeDecodeError) as refused:
        "é".encode("cp1252").decode()
    with speak("es"):
        assert explain_unread("a.yaml", refused.value).endswith("YAML: no está en UTF-8; guárdelo así.")


def test_a_date_that_there_is_not_is_told_by_its_place() -> None:
    for text in ("a: !!bool maybe", "a: !!int ''", "a: !!timestamp x"):
        with pytest.raises(NoYaml, match="^line 1, column 4: '.*' is no date or number that there is"):
            decode_yaml(text)
    with pytest.raises(NoYaml, match="^line 2, column 7: '2025-02-30' is no date or number that there is"):
        decode_yaml("a: 1\nfrom: 2025-02-30")


def test_what_is_too_deep_or_given_twice_is_told_in_the_readers_language() -> None:
    with (
        speak("es"),
        pytest.raises(GivenTwice, match="el nombre 'a' aparece dos veces, de nuevo en la línea 2") as twice,
    ):
        decode_yaml("a: 1\na: 2")
    with speak("es"), pytest.raises(TooDeep, match="está anidado en más de 64 niveles") as deep:
        decode_json("[" * 65)
    assert twice.value.english == "the name 'a' is given twice, again in line 2"
    assert deep.value.english == "it is nested more than 64 levels deep"
