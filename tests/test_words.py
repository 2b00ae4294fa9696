"""Help, console and errors in the reader's language: a language of brackets finds each text that nobody translates."""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterator
from contextlib import chdir
from difflib import ndiff
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from report_samples import write_manifest

import flexlib
from flexlib import i18n
from flexlib.cli.argparse_words import Parser, translate_argparse
from flexlib.dates import Month
from flexlib.i18n import speak, use_language
from flexlib.store.snapshots import list_newest

HOUSE = Path(flexlib.__file__).parent
FIXTURE = Path(__file__).parent / "data" / "fixture"
NOT_YET: set[str] = set()
"""Files of which some sentence is still English alone; none may come in."""


class Brackets:
    """A language that puts each sentence of the catalogue into brackets."""

    def gettext(self, text: str) -> str:
        return f"⟦{text}⟧"

    def ngettext(self, one: str, many: str, count: int) -> str:
        return f"⟦{one if count == 1 else many}⟧"


@pytest.fixture
def brackets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(i18n._read, "es", Brackets())
    use_language("es")
    yield
    use_language("en")


def find_plain(text: str) -> list[str]:
    """What stands outside of brackets and holds a word."""
    depth, plain = 0, ""
    for letter in text:
        depth += {"⟦": 1, "⟧": -1}.get(letter, 0)
        plain += letter if depth == 0 and letter != "⟧" else "\n"
    return [line.strip() for line in plain.splitlines() if re.search(r"[A-Za-z]{3}", line)]


def list_commands() -> dict[str, argparse.ArgumentParser]:
    from importlib import import_module

    door = import_module("flexlib.cli.main")
    translate_argparse()
    commands = Parser(prog="flexlib").add_subparsers()
    for room in door.COMMANDS:
        room.add_commands(commands)
    return dict(commands.choices)


def list_said(parser: argparse.ArgumentParser) -> Iterator[str]:
    """What a command's help says, besides names of options, and its examples, which are commands."""
    yield str(parser.description)
    for group in parser._action_groups:
        yield from (text for text in (group.title, group.description) if text)
    for action in parser._actions:
        if action.help and action.help is not argparse.SUPPRESS:
            yield action.help
    *prose, _examples = str(parser.epilog).partition("⟧")
    yield "".join(prose)


@pytest.mark.usefixtures("brackets")
def test_every_text_of_every_help_is_translated() -> None:
    commands = list_commands()
    plain = {name: found for name, parser in commands.items()
             if (found := [one for text in list_said(parser) for one in find_plain(text)])}  # fmt: skip
    assert {name: [one for one in found if not is_listed(one)] for name, found in plain.items()
            if any(not is_listed(one) for one in found)} == {}  # fmt: skip


def is_listed(text: str) -> bool:
    """Whether it is a list of names, as that of providers, or the name of a format."""
    return (
        bool(re.fullmatch(r"[:;(), \w-]*", text)) and len(text.split(",")) > 1 or bool(re.fullmatch(r"[; ]*\w+:", text))
    )


@pytest.mark.usefixtures("brackets")
def test_every_line_of_the_first_help_is_translated(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["flexlib.cli.main"], "use_language", lambda code: None)
    monkeypatch.setenv("COLUMNS", "500")
    with pytest.raises(SystemExit):
        flexlib_main(["--help"])
    shown, *_end = capsys.readouterr().out.partition("⟦exit codes")
    told = [" ".join(re.split(" {2,}", one.strip())[1:]) for one in shown.splitlines()]
    assert len([one for one in told if "⟦" in one]) > len(list_commands())
    assert [one for one in told if find_plain(one)] == []


@pytest.mark.usefixtures("brackets")
def test_a_text_that_nobody_translates_is_found() -> None:
    parser = argparse.ArgumentParser(description=i18n._("what is"), epilog=i18n._("examples:"))
    parser.add_argument("--new", help="a text that was forgotten")
    assert "a text that was forgotten" in [one for text in list_said(parser) for one in find_plain(text)]


def list_errors() -> Iterator[tuple[str, ast.Call]]:
    """Each place that makes one of our errors with a sentence, and its file."""
    trees = {file: ast.parse(file.read_bytes()) for file in HOUSE.rglob("*.py")}
    names = {"FlexlibError"}
    while True:
        new = {node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
               and any(isinstance(base, ast.Name) and base.id in names for base in node.bases)} - names  # fmt: skip
        if not new:
            break
        names |= new
    for file, tree in trees.items():
        room = file.relative_to(HOUSE)
        said = names | SAID_BY | list_kinds(tree, names)
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in said and node.args:
                yield str(room), node


SAID_BY = {"AnswerRefused", "Setback", "Unreadable", "_give_up"}
"""What else is made of a reason that readers see."""


def list_kinds(tree: ast.AST, errors: set[str]) -> set[str]:
    """The names under which one of several errors is chosen.

    >>> list_kinds(ast.parse("kind = BadFile if lasts else BadMonth"), {"BadFile"})
    {'kind'}
    """
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp)
        for target in node.targets
        if isinstance(target, ast.Name)
        and {one.id for one in (node.value.body, node.value.orelse) if isinstance(one, ast.Name)} & errors
    }


def is_plain(node: ast.expr) -> bool:
    """Whether it writes a sentence without asking the catalogue.

    >>> texts = ("'gone wrong'", "f'{a} is gone'", "_('gone')", "f'{a}.'")
    >>> [is_plain(ast.parse(text, mode="eval").body) for text in texts]
    [True, True, False, False]
    """
    if isinstance(node, ast.IfExp):
        return is_plain(node.body) or is_plain(node.orelse)
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return any(re.search(r"[A-Za-z]{2}", text) for text in texts)


def test_every_error_takes_its_sentence_from_the_catalogue() -> None:
    found = {file for file, call in list_errors() for given in call.args if is_sentence(given)}
    found |= {file for file, call in list_errors() if ast.unparse(call.func) not in SAID_BY and is_plain(call.args[0])}
    assert found == NOT_YET


def list_fillings(tree: ast.AST) -> Iterator[int]:
    """The lines in which a variable that fills a sentence is given an English piece.

    >>> texts = ("why = 'is not there'", "why = _('is not there')", "why = 'x'")
    >>> said = "; raise BadFile(_('{why}').format(why=why))"
    >>> [list(list_fillings(ast.parse(f"def read(): {text}{said}"))) for text in texts]
    [[1], [], []]
    """
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        filled = {
            word.value.id
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"
            for word in node.keywords
            if isinstance(word.value, ast.Name) and word.arg not in ("command", "again")
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and any(
                isinstance(one, ast.Name) and one.id in filled for one in node.targets
            ):
                yield from (one.lineno for one in list_pieces(node.value))


def test_no_variable_that_fills_a_sentence_is_an_english_piece() -> None:
    glued = {
        f"{file.relative_to(HOUSE)}:{line}"
        for file in HOUSE.rglob("*.py")
        for line in list_fillings(ast.parse(file.read_bytes()))
    }
    assert glued == set()


LISTS = re.compile("faults?|found|missing|notes|_tell")
"""What sentences for the reader are put into: lists of these names, and what adds to them."""


def list_told(tree: ast.AST) -> Iterator[ast.expr]:
    """What is put into such a list, one by one or as a list of its own."""
    for node in ast.walk(tree):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = node.func.value if node.func.attr in ("append", "extend") else node.func
            given = node.args if is_list_told(named) else []
        elif isinstance(node, ast.AugAssign) and is_list_told(node.target):
            given = [node.value]
        for one in given:
            yield from one.elts if isinstance(one, ast.List | ast.Tuple) else [one]
            if isinstance(one, ast.ListComp):
                yield one.elt


def is_list_told(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return bool(LISTS.fullmatch(name))


def test_every_fault_and_note_of_a_list_is_from_the_catalogue() -> None:
    plain = {
        f"{file.relative_to(HOUSE)}:{one.lineno}"
        for file in HOUSE.rglob("*.py")
        for one in list_told(ast.parse(file.read_bytes()))
        if is_sentence(one)
    }
    assert plain == set()


def list_glued(tree: ast.AST) -> Iterator[int]:
    """The lines that join words by an English one, or fill a sentence of the catalogue with an English piece.

    >>> texts = ("' or '.join(a)", "', '.join(a)", "_('{x} is gone').format(x=f'the file {a}')")
    >>> [bool(list(list_glued(ast.parse(text)))) for text in texts]
    [True, False, True]
    """
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        text = node.func.value
        if (
            node.func.attr == "join"
            and isinstance(text, ast.Constant)
            and re.search("[a-z]", str(text.value or ""))
            and not isinstance(text.value, bytes)
        ):
            yield node.lineno
        is_said = isinstance(text, ast.Call) and isinstance(text.func, ast.Name) and text.func.id in CATALOGUE
        if node.func.attr == "format" and is_said:
            given = [word.value for word in node.keywords if word.arg != "command"]
            yield from (one.lineno for word in given for one in list_pieces(word))


CATALOGUE = ("_", "translate_count", "format_count")
NO_PROSE = re.compile("flexlib |SELECT |[ (]*--")
"""Commands, their options, and SQL: they are the same in every language."""


def is_piece(text: str) -> bool:
    """Whether a space stands beside a letter of it, so that it is words of a sentence.

    >>> [is_piece(text) for text in (" and ", "flexlib fetch --month ", "usd", "not given")]
    [True, False, False, True]
    """
    return bool(re.search("[A-Za-z] | [A-Za-z]", text)) and not NO_PROSE.match(text)


def list_pieces(node: ast.AST) -> Iterator[ast.Constant]:
    """What is written in an expression with a space beside a letter: no name, no key, nothing of the catalogue."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in CATALOGUE:
        return
    if isinstance(node, ast.Constant) and is_piece(str(node.value)):
        yield node
    for one in ast.iter_child_nodes(node):
        yield from list_pieces(one)


def test_no_sentence_is_glued_of_english_pieces() -> None:
    """In another language a list has other words between, and a sentence another order."""
    glued = {
        f"{file.relative_to(HOUSE)}:{line}"
        for file in HOUSE.rglob("*.py")
        for line in list_glued(ast.parse(file.read_bytes()))
    }
    assert glued == set()


def is_sentence(node: ast.expr) -> bool:
    """Whether it writes one, and not a name, without asking the catalogue.

    >>> [is_sentence(ast.parse(text, mode="eval").body) for text in ("'the name'", "f'{a} is gone'", "_('it is gone')")]
    [False, True, False]
    """
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    words = re.findall(r"[A-Za-z]{2,}", " ".join(texts))
    return len(words) + len(parts) - len(texts) > 2 and is_plain(node)


def test_a_refusal_of_argparse_is_said_in_the_readers_language(capsys: pytest.CaptureFixture[str]) -> None:
    with speak("es"), pytest.raises(SystemExit):
        flexlib_main(["--lang", "es", "spend", "--year", "x", "--month", "9"])
    use_language("en")
    said = capsys.readouterr().err
    assert said.startswith("uso: flexlib spend")
    assert "error: argumento --year: valor de int no válido: 'x'" in said


def test_a_month_is_told_in_spanish_with_the_same_numbers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    texts = []
    for code in ("en", "es"):
        assert flexlib_main(["--lang", code, "certificate", "--year", "2025", "--month", "9"]) == 0
        texts.append(capsys.readouterr().out)
    use_language("en")
    english, spanish = texts
    assert "Users           600 asked, 32 active, 0 failed" in english
    assert re.search(r"Usuarios +600 consultados, 32 activos, 0 fallidos", spanish)
    digits = [re.findall(r"\d+", text.replace(",", "").replace(".", "")) for text in texts]
    assert digits[0] == digits[1]


MONTH = "--year 2025 --month 9"
CALL = "--usable user:42 --provider openai --model gpt-4o --prompt-tokens 1000 --created-at 2025-09-16T10:00:00Z"
COLUMNS = (
    "--request-id id --timestamp time --provider openai --model-column model --prompt-tokens in --completion-tokens out"
)
ASKED = (
    "fetch --demo --start-date 2025-10-01 --end-date 2025-10-31", "doctor", "sources", f"certificate {MONTH}",
    "cache status", "cache clear",
    f"by-model {MONTH}", f"daily {MONTH}", f"monthly {MONTH}", f"spend {MONTH}", f"organization check {MONTH}",
    "compare 2025-08 2025-09", "compare 2025-08 2025-09 --of usd", f"forecast {MONTH} --budget 9000",
    f"forecast {MONTH} --as-of 2025-09-15",
    f"forecast {MONTH} --of usd --as-of 2025-09-02", f"check {MONTH}", f"notify {MONTH} --dry-run",
    f"chargeback {MONTH} --by department", f"chargeback {MONTH} --by department --share",
    f"chargeback {MONTH} --by department --rules rules.yaml",
    f"send {MONTH} --dry-run", f"report --notebook small -p lang en --offline {MONTH}",
    "report --notebook small --year 2025 --start-month 9 --end-month 10 --offline",
    f"anomalies {MONTH}", f"latency {MONTH}", f"what-if {MONTH} --cap 10", f"import calls.csv {COLUMNS}",
    "import --list", f"record {CALL} --request-id a", "record --jsonl calls.jsonl", "ledger status",
    "ledger tallies on", "ledger tallies check", "live --once --since 2025-01-01",
    f"close {MONTH}", f"reprice {MONTH}", f"spend {MONTH}", f"fx show {MONTH}", "fx set 2025-09-30 950 --source ECB",
    f"export --format csv,focus {MONTH}", f"month {MONTH} --dry-run", "site", "verify reports",
)  # fmt: skip
"""Each command that writes JSON, in an order in which one has something to say of what the one before did."""
OTHER = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)|\d{8}T[\d.]+Z(-[\da-f]+)?|[\d.,]+ GiB|[\da-f]{12}(…|[\da-f]{52})"
    r"|departments/\w+.html"
)
"""What is another each time: moments, versions, the room on the disk, hashes of ids by chance. A site's page of those
in no department has its address from its title, in the language of the site."""
SMALL: dict[str, Any] = {
    "cell_type": "code", "id": "one", "metadata": {"tags": ["parameters"]}, "outputs": [], "execution_count": None,
    "source": 'lang = "en"\nyear = 2025\nmonth = 9\nimport flexlib\nusage = flexlib.load(f"{year}-{month:02d}")',
}  # fmt: skip
"""A page that is made in a third of the time of the package's."""
FILES = {
    "calls.csv": "id,time,model,in,out\na,2025-09-16T10:00:00Z,gpt-4o,1000,2\nb,2025-09-16T10:00:00Z,none,two,2\n",
    "calls.jsonl": '{"usable": "user:42"}\n[]\n',
    "budgets.yaml": "budgets:\n  - {name: all, whole: true, currency: usd, amount: '0.001'}\n",
    "notices.yaml": "notices:\n  - {at: [over], file: told.jsonl}\n",
    "mail.yaml": "mails:\n  - {to: a@example.com}\n  - {to: b@example.com, department: Nowhere}\n",
    "rules.yaml": "pools:\n  - {name: tools, usd: '10', rule: use}\n",
    ".env.example": "",
    "notebooks/small.ipynb": json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [SMALL]}),
    "organization.csv": "who,kind,department,from,until\n7,user,Data,,2025-09-05\n7,user,Data,2025-09-10,\n",
}


def tell_programs(code: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What each of `ASKED` prints as JSON for a user of that language."""
    copytree(FIXTURE, folder / "data")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    told = {}
    with chdir(folder):
        page = Path("reports", "demo", "2025-09", "llm_usage.html")
        page.parent.mkdir(parents=True)
        page.write_text(" ".join(one.certificate.rows_sha256 for one in list_newest(Month(2025, 9), Path("data"))))
        page.with_suffix(".ipynb").write_text('{"metadata": {}, "cells": []}')
        write_manifest(page, notebook={"file": "notebooks/gone.ipynb", "sha256": ""})
        for number, asked in enumerate(ASKED):
            flexlib_main(["--lang", code, *asked.split(), "--json"])
            said = capsys.readouterr()
            assert said.out, (asked, said.err)
            told[f"{number}: {asked}"] = OTHER.sub("...", said.out.replace(str(folder), "."))
    return told


def test_what_programs_read_is_the_same_in_every_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("data", "budgets.yaml", "notices.yaml", "mail.yaml", "organization.csv"):
        monkeypatch.setenv(f"FLEXLIB_{name.partition('.')[0].upper()}", name)
    english, spanish = (tell_programs(code, tmp_path / code, capsys) for code in ("en", "es"))
    has_json = {name for name, parser in list_commands().items() if "--json" in parser._option_string_actions}
    assert has_json == {asked.split()[0] for asked in ASKED}
    assert {
        asked: find_changes(text, spanish[asked]) for asked, text in english.items() if text != spanish[asked]
    } == {}


def find_changes(before: str, after: str) -> list[str]:
    return [line for line in ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]


def flexlib_main(words: list[str]) -> int:
    from flexlib.cli.main import main

    return main(words)


def test_no_function_that_translates_gives_the_name_of_gettext_to_something_else() -> None:
    """In a comprehension of Python 3.12.1 a call of `_` then finds nothing there."""
    wrong = []
    for file in HOUSE.rglob("*.py"):
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [one for one in ast.walk(function) if isinstance(one, ast.Name) and one.id == "_"]
                if {type(one.ctx) for one in names} == {ast.Load, ast.Store}:
                    wrong.append(f"{file.name}: {function.name}")
    assert wrong == []
