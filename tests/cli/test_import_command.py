"""`flexlib import`: what it says on paper, in JSON and on stderr, and its exit codes."""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import pytest

from flexlib.cli import main
from flexlib.cli.import_ import add_commands, read_mapping, run_import
from flexlib.cli.import_options import EXAMPLES
from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import BadFile, BadParameter
from flexlib.settings import load_settings
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.paths import InputFile

COLUMNS = ["--timestamp", "time", "--prompt-tokens", "in", "--completion-tokens", "out"]
CALLS = InputFile(Path("calls.csv"), "calls.csv")
PLAIN = [*COLUMNS, "--provider", "openai", "--model", "gpt-4"]


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    return parser.parse_args(["import", *words])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    return tmp_path


def write(folder: Path, *rows: str) -> str:
    file = folder / "calls.csv"
    file.write_text("\n".join(["time,in,out", *rows, ""]), "utf-8")
    return str(file)


def test_a_whole_import_prints_the_certificate_and_exits_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(folder, "2025-09-01 10:00:00,1234,5")
    assert run_import(parse(file, *PLAIN), load_settings()) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[:3] == [
        "calls.csv, 2025-09: 1 row added.",
        "CERTIFICATE - SEPTEMBER 2025",
        "  State           COMPLETE",
    ]
    assert "  Tokens          1,234 prompt, 5 completion\n" in said.out
    assert said.err == ""


def test_the_command_that_a_gap_names_shows_each_line_that_could_not_be_taken_and_why(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["import", write(folder, "2025-09-01 10:00:00,1234,5", "2025-09-01 10:00:00,x,5"), *PLAIN])
    capsys.readouterr()
    assert main(["spend", "--year", "2025", "--month", "9"]) == 3
    named = "flexlib certificate --year 2025 --month 9 --source import"
    assert f"1 row of calls.csv could not be taken; {named} says which, and why." in capsys.readouterr().err
    assert main(named.split()[1:]) == 3
    told = capsys.readouterr().err
    assert "1 row could not be taken (line 3: prompt_tokens is not a whole number" in told
    assert " --model gpt-4 --supersedes calls.csv." in told


def test_a_gap_whose_lines_are_anothers_to_read_says_so_and_one_whose_lines_were_changed_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["import", write(folder, "2025-09-01 10:00:00,1234,5", "2025-09-01 10:00:00,x,5"), *PLAIN])
    shown = ["certificate", "--year", "2025", "--month", "9", "--source", "import"]

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:  # not by chmod: these tests may run under root
        patch.setattr("flexlib.store.refused.gzip.open", refuse)
        capsys.readouterr()
        assert main(shown) == 3
    told = capsys.readouterr().err
    assert "1 row could not be taken: the total is a lower bound" in told
    assert "answers.jsonl.gz is its owner's only; let whoever imported the month do this." in told
    [raw] = load_settings().data.rglob("answers.jsonl.gz")
    (row,) = map(json.loads, gzip.decompress(raw.read_bytes()).splitlines())
    for line in (json.dumps({**row, "line": "x"}), "[]", "{"):
        raw.write_bytes(gzip.compress(line.encode()))
        assert main(shown) not in (0, 3)
        assert "was changed or damaged" in capsys.readouterr().err
    del row["file"]  # as an earlier flexlib wrote them
    raw.write_bytes(gzip.compress(json.dumps(row).encode()))
    assert main(shown) == 3
    assert "1 row could not be taken: the total is a lower bound" in capsys.readouterr().err


def test_an_import_done_again_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(folder, "2025-09-01 10:00:00,7,5")
    run_import(parse(file, *PLAIN), load_settings())
    capsys.readouterr()
    assert run_import(parse(file, *PLAIN), load_settings()) == 0
    assert capsys.readouterr().out.startswith("calls.csv, 2025-09: nothing new: all of it is there already.\n")


def test_a_row_that_cannot_be_taken_is_named_and_the_exit_code_is_3(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(folder, "2025-09-01 10:00:00,7,5", *["2025-09-01 10:00:00,7,"] * 7)
    assert run_import(parse(file, *PLAIN), load_settings()) == 3
    error = capsys.readouterr().err
    assert error.startswith("2025-09 is GAP: 7 rows could not be taken (line 3: no completion_tokens; line 4: no ")
    assert "line 7: no completion_tokens; and 2 more, kept in raw/ beside the month)" in error
    assert "fix the file and import it with --timestamp " in error
    assert error.rstrip().endswith(" --supersedes calls.csv.")


def test_the_json_holds_each_month_s_certificate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(folder, "2025-08-01 10:00:00,7,5", "2025-09-01 10:00:00,8,6")
    assert run_import(parse(file, *PLAIN, "--json"), load_settings()) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["file"] == "calls.csv"
    assert [(one["month"], one["state"], one["added_rows"], one["is_new"]) for one in said["months"]] == [
        ("2025-08", "COMPLETE", 1, True),
        ("2025-09", "COMPLETE", 1, True),
    ]
    assert said["months"][1]["prompt_tokens"] == 8


def test_the_certificate_of_an_import_is_shown_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_import(parse(write(folder, "2025-09-01 10:00:00,7,5"), *PLAIN), load_settings())
    printed = capsys.readouterr().out
    assert main(["certificate", "--year", "2025", "--month", "9", "--source", "import"]) == 0
    when = "--year 2025 --month 9"
    after = f"\nNext: flexlib spend {when}\nThis proof again: flexlib certificate {when} --source import\n"
    assert printed == f"calls.csv, 2025-09: 1 row added.\n{capsys.readouterr().out}{after}"


def test_where_only_imports_are_stored_what_asks_for_credits_says_how_to_see_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_import(parse(write(folder, "2025-09-01 10:00:00,7,5"), *PLAIN), load_settings())
    capsys.readouterr()
    assert main(["certificate", "--year", "2025", "--month", "9"]) == 2
    assert capsys.readouterr().err.endswith("; stored are imported files: add --source import\n")
    assert main(["report", "--year", "2025", "--month", "9"]) == 2
    assert capsys.readouterr().err.endswith("; for imported calls add --notebook llm_usage.\n")


def test_calls_that_may_count_twice_are_not_said_to_be_changed_by_hand(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_import(parse(write(folder, "2025-09-01 10:00:00,7,5"), *PLAIN), load_settings())
    again = folder / "again.csv"
    again.write_text("time,in,out,team\n2025-09-01 10:00:00,7,5,red\n", "utf-8")
    assert run_import(parse(str(again), *PLAIN, "--metadata", "team"), load_settings()) == 4
    error = capsys.readouterr().err
    assert "they may count twice; import it again by the columns of the others and with --supersedes " in error
    assert "by hand" not in error


def test_replace_makes_the_month_anew(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_import(parse(write(folder, "2025-09-01 10:00:00,7,5"), *PLAIN), load_settings())
    run_import(parse(write(folder, "2025-09-01 10:00:00,8,5"), *PLAIN, "--replace", "--json"), load_settings())
    out = capsys.readouterr().out
    assert json.loads(out[out.index("{") :])["months"][0]["rows"] == 1


def test_a_wrong_column_gets_the_list_of_those_that_are_there(folder: Path) -> None:
    file = write(folder, "2025-09-01 10:00:00,7,5")
    with pytest.raises(BadFile, match="no column 'TIMESTAMP' for --timestamp; its columns are time, in, out") as caught:
        run_import(parse(file, "--timestamp", "TIMESTAMP", *PLAIN[2:]), load_settings())
    assert caught.value.exit_code == 2


def test_a_wrong_provider_gets_the_list(folder: Path) -> None:
    with pytest.raises(BadParameter, match="'opneai' is not a known provider; it must be one of openai, anthropic"):
        run_import(
            parse(write(folder, "2025-09-01 10:00:00,7,5"), *COLUMNS, "--provider", "opneai", "--model", "x"),
            load_settings(),
        )


def test_every_option_reaches_the_mapping() -> None:
    words = (
        "calls.csv --timestamp a --prompt-tokens b --completion-tokens c --total-tokens d --cached-tokens e "
        "--cache-write-tokens f --cost g --amount-usd h --amount-clp i --duration-ms j --status k --usable-id l "
        "--request-id m --metadata n --metadata o --provider openai --provider-column p --model q --model-column r "
        "--proxy openrouter --proxy-column s --task-type image --task-type-column t --usable-type u "
        "--usable-type-column v --timezone America/Santiago --delimiter ; --decimal , "
        "--alias Azure=openai --alias none="
    )
    assert read_mapping(parse(*words.split()), CALLS) == CallMapping(
        created_at="a",
        prompt_tokens="b",
        completion_tokens="c",
        total_tokens="d",
        cached_tokens="e",
        cache_write_tokens="f",
        cost="g",
        amount_in_usd="h",
        amount_in_clp="i",
        duration_ms="j",
        status="k",
        usable_id="l",
        request_id="m",
        metadata=("n", "o"),
        provider=LlmProvider.OPENAI,
        provider_column="p",
        model="q",
        model_column="r",
        proxy=LlmProxy.OPENROUTER,
        proxy_column="s",
        task_type=LlmTaskType.IMAGE,
        task_type_column="t",
        usable_type="u",
        usable_type_column="v",
        timezone="America/Santiago",
        delimiter=";",
        decimal=",",
        aliases=("Azure=openai", "none="),
    )


def test_the_examples_of_the_help_can_be_parsed() -> None:
    commands = EXAMPLES.replace("\\\n", " ").strip().splitlines()
    assert len(commands) == 6
    for command in commands:
        program, verb, *words = command.split()
        assert (program, verb) == ("flexlib", "import")
        if "--timestamp" not in words:
            assert parse(*words).paths == [words[0], *(["cost.csv"] if "cost.csv" in words else [])]
            continue
        mapping = read_mapping(parse(*words), CALLS)
        assert isinstance(mapping, CallMapping)
        assert mapping.columns["created_at"] == words[words.index("--timestamp") + 1]


@pytest.mark.parametrize("others", [True, False])
def test_an_empty_file_stops_an_import_and_is_skipped_where_that_is_asked_for(
    others: bool, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").touch()
    if others:
        Path(write(folder, "2025-09-01 10:00:00,7,5")).rename(folder / "in" / "b.csv")
    words = ["import", str(folder / "in"), *PLAIN]
    assert main(words) == 2
    assert "a.csv is empty (0 bytes); export it again" in capsys.readouterr().err
    assert main([*words, "--skip-unknown"]) == (0 if others else 2)
    assert ("Skipped, of no known system: a.csv." in capsys.readouterr().err) is others
