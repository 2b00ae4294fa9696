"""The tool that judges the tests: what it changes, and that it tells a test that bites from one that does not."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from mutations import list_mutations

SAMPLE = """
def is_adult(age: int) -> bool:
    return age >= 18
"""
BITES = """
from sample import is_adult
def test_it():
    assert [is_adult(age) for age in (17, 18, 19)] == [False, True, True]
"""
SLACK = "from sample import is_adult\ndef test_it():\n    assert is_adult(30)\n"


@pytest.mark.parametrize(
    ("code", "mutations"),
    [
        ("x < 1", ["x < 1 -> x <= 1", "x < 1 -> x >= 1", "1 -> 2"]),
        ("a and b or c", ["a and b or c -> c", "a and b or c -> a and b", "a and b -> b", "a and b -> a"]),
        ("not x", ["not x -> x"]),
        ("-x", ["-x -> x"]),
        ("x if y else z", ["y -> not y"]),
        ("a + b", ["a + b -> a - b"]),
        ("a | b", ["a | b -> a", "a | b -> b"]),
        ("f(a, key=b)", ["f(a, key=b) -> f(a)", "f(a, key=b) -> pass"]),
        ("x in {1, 2}", ["x in {1, 2} -> x not in {1, 2}", "{1, 2} -> {2}", "{1, 2} -> {1}", "1 -> 2", "2 -> 3"]),
        ("x[1:]", ["1: -> :", "1 -> 2"]),
        ("x = True", ["True -> False"]),
        ("x == 'text'", ["x == 'text' -> x == 'text!'", "x == 'text' -> x != 'text'"]),
        ("re.match('text', x)", ["re.match('text', x) -> re.match('text!', x)", "re.match('text', x) -> pass"]),
        ("x = f'{a:,.2f} text'", []),
        ("zip(a, b, strict=True)", ["zip(a, b, strict=True) -> pass"]),
        ("if TYPE_CHECKING: a + b", []),
        ("x = ROUND_HALF_UP", ["ROUND_HALF_UP -> 'ROUND_HALF_EVEN'"]),
        ("raise E", ["raise E -> pass"]),
        ("x: date | None", []),
        ("'a docstring'", []),
        ("import os", []),
    ],
)
def test_each_thing_is_changed_in_each_way_that_counts(code: str, mutations: list[str]) -> None:
    found = [str(mutation).removeprefix("at import: ") for mutation in list_mutations(ast.parse(code))]
    assert sorted(found) == sorted(mutations)


def test_a_mutation_is_named_by_its_function_and_told_from_its_like() -> None:
    tree = ast.parse("class A:\n    @property\n    def b(self):\n        return [1, 1 + x]\n")
    found = list_mutations(tree)
    assert [str(mutation) for mutation in found] == [
        "A.b: 1 -> 2",
        "A.b: 1 + x -> 1 - x",
        "A.b: 1 -> 2 (2)",
    ]
    assert {mutation.line for mutation in found} == {2}
    found[1].apply()
    assert "[1, 1 - x]" in ast.unparse(tree)


@pytest.mark.parametrize(
    ("test", "line"), [(BITES, "3 []"), (SLACK, "3 ['is_adult: age >= 18 -> age > 18', 'is_adult: 18 -> 19']")]
)
def test_a_test_that_bites_kills_what_a_slack_one_lets_live(test: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(SAMPLE)
    (tmp_path / "test_sample.py").write_text(test)
    program = (
        "import sys; sys.path[:0] = ['.', sys.argv[1]]; import mutate; "
        "count, survived = mutate.measure('sample', mutate.Room(('sample.py',), ('test_sample.py',)), 2); "
        "print(count, [one.removeprefix('sample.py ') for one in survived])"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.stdout == f"{line}\n", done.stderr
