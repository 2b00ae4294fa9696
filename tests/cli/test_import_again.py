"""A mended file is read as it was: the advice says all that it takes, and what was forgotten is asked about."""

from __future__ import annotations

import argparse
import json
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from flexlib.cli import main
from flexlib.cli.import_options import add_import_options
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.presets import list_presets
from flexlib.sources.presets.options import UNSAID, WITHOUT_OPTION, name_import_options

HEAD = "id,time,model,input,output,cost,kind,who\n"
RIGHT = (
    "1,2026-05-01 10:00:00,gpt-4o,100,10,1.00,prod,ana@example.com\n"
    "2,2026-05-02 10:00:00,gpt-4o,100,10,1.00,prod,ana@example.com\n"
    "3,2026-05-03 10:00:00,gpt-4o,100,10,9.00,test,bob@example.com\n"
)
BROKEN = "4,2026-05-04 10:00:00,gpt-4o,many,10,1.00,prod,ana@example.com\n"
MENDED = BROKEN.replace("many", "100")
OWN = "--timestamp time --model-column model --provider openai --prompt-tokens input --completion-tokens output"
PRESET = """\
name: acme-proxy
title: Acme
source: https://example.com
evidence: rows
dataset: usage
mapping: {created_at: [at, time], model_column: model, provider: openai, prompt_tokens: [in, input],
    completion_tokens: output, request_id: id, timezone: America/Santiago}
"""
BILL = "name: our-bill\ntitle: Bill\nsource: https://example.com\nevidence: rows\ndataset: charges\n"
BILL += "mapping: {period_start: day, amount: amount, currency: currency, provider: provider}\n"
CHOICES = {"date_order": "dmy", "decimal": ",", "amount_unit": "cents", "amount_zero": "known", "duration_unit": "s"}
CHOICES |= {"cache": "apart", "reasoning": "apart", "repeated": "last", "grain": "day"}
ASIDE = " and the options by which it was imported"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a preset of its own, and one that lies elsewhere in it."""
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    (tmp_path / "notebooks").mkdir()
    (tmp_path / ".env").touch()
    (tmp_path / "params" / "presets").mkdir(parents=True)
    (tmp_path / "params" / "presets" / "acme.yaml").write_text(PRESET, "utf-8")
    (tmp_path / "params" / "presets" / "bill.yaml").write_text(BILL, "utf-8")
    (tmp_path / "away.yaml").write_text(PRESET.replace("acme-proxy", "away-proxy"), "utf-8")
    (tmp_path / "other.yaml").write_text(PRESET.replace("completion_tokens: output", "completion_tokens: input"))
    (tmp_path / "a.csv").write_text(HEAD + RIGHT + BROKEN, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bring(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[list[dict[str, Any]], str]:
    """The months of an import of `a.csv`, and what is said on stderr."""
    assert main(["import", "a.csv", *words, "--json"]) == code
    said = capsys.readouterr()
    return (json.loads(said.out)["months"] if said.out else []), said.err


def read_advice(error: str) -> str:
    return error.partition("import it with ")[2].rstrip().removesuffix(".")


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ("--from acme-proxy", "--from acme-proxy"),
        ("--from params/presets/acme.yaml", "--from acme-proxy"),
        (
            "--from acme-proxy --where kind=prod --amount-usd cost",
            "--from acme-proxy --amount-usd cost --where kind=prod",
        ),
        ("--from acme-proxy --timezone UTC --amount-usd cost", "--from acme-proxy --amount-usd cost --timezone UTC"),
        (
            "--from acme-proxy --metadata kind --metadata who --alias Azure=openai --no-call 'tests: kind=test'",
            "--from acme-proxy --alias azure=openai --metadata kind --metadata who --no-call 'tests: kind=test'",
        ),
        (
            "--from acme-proxy --cost cost --amount-unit cents --not-billed kind=test --direct kind=test",
            "--from acme-proxy --amount-unit cents --cost cost --direct kind=test --not-billed kind=test",
        ),
    ],
)
def test_the_advice_on_a_row_that_cannot_be_taken_has_every_option_given_beside_the_preset(
    folder: Path, capsys: pytest.CaptureFixture[str], options: str, advice: str
) -> None:
    given = shlex.split(options)
    told = read_advice(bring(capsys, *given, code=3)[1])
    assert told == f"{advice} --supersedes a.csv"
    (folder / "a.csv").write_text(HEAD + RIGHT + MENDED, "utf-8")
    (month,) = bring(capsys, *shlex.split(told))[0]
    assert main(["import", "a.csv", *given, "--replace", "--yes", "--json"]) == 0
    (again,) = json.loads(capsys.readouterr().out)["months"]
    assert month["files"][-1]["mapping"] == again["files"][0]["mapping"]
    for name in ("state", "rows", "prompt_tokens", "amount_in_usd", "rows_sha256"):
        assert (name, month[name]) == (name, again[name])


def test_rows_that_a_condition_left_out_and_own_amounts_are_left_out_and_own_of_the_mended_file_too(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--from", "acme-proxy", "--amount-usd", "cost", "--where", "kind=prod"]
    months, error = bring(capsys, *options, code=3)
    assert months[0]["amount_in_usd"] == "2.0000000000"
    (folder / "a.csv").write_text(HEAD + RIGHT + MENDED, "utf-8")
    (month,) = bring(capsys, *shlex.split(read_advice(error)))[0]
    assert (month["state"], month["rows"], month["amount_in_usd"]) == ("COMPLETE", 3, "3.0000000000")


@pytest.mark.parametrize("preset", ["away.yaml", "other.yaml"])
def test_a_preset_that_its_name_does_not_bring_is_not_named(
    folder: Path, capsys: pytest.CaptureFixture[str], preset: str
) -> None:
    """That of `away.yaml` is none of the project's; `acme-proxy`, as `other.yaml` calls itself, reads otherwise in
    what an option says, and is named with that."""
    told = read_advice(bring(capsys, "--from", preset, code=3)[1])
    other = "--from acme-proxy --completion-tokens input --supersedes a.csv"
    assert told == (other if preset == "other.yaml" else f"--supersedes a.csv{ASIDE}")
    capsys.readouterr()
    assert main(["certificate", "--year", "2026", "--month", "5", "--source", "import"]) == 3
    assert told in capsys.readouterr().err
    assert main(["spend", "--year", "2026", "--month", "6"]) != 0
    assert "away-proxy" not in capsys.readouterr().err


def test_a_condition_with_an_email_is_not_said_by_what_is_kept_of_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--from", "acme-proxy", "--where", "who=ana@example.com", "--where", "kind=prod"]
    error = bring(capsys, *options, code=3)[1]
    words, told = "--from acme-proxy --where ... --where kind=prod --supersedes a.csv", read_advice(error)
    assert told == f"{words} (... is a condition with an e-mail, which is not kept)"
    assert bring(capsys, *shlex.split(words), code=2)[1].startswith("flexlib: acme-proxy: '...' is no condition")


def test_a_file_of_one_name_that_is_read_otherwise_supersedes_only_where_that_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bring(capsys, "--from", "acme-proxy", "--amount-usd", "cost", "--where", "kind=prod", code=3)
    (folder / "a.csv").write_text(HEAD + RIGHT + MENDED, "utf-8")
    forgotten = ["--from", "acme-proxy", "--supersedes", "a.csv"]
    assert bring(capsys, *forgotten, code=2) == (
        [],
        "flexlib: a.csv is read otherwise than the a.csv that it is to supersede, with --from acme-proxy --amount-usd "
        "cost --where kind=prod (now --from acme-proxy); import it with the options of that one, or add --yes to read "
        "it by these.\n",
    )
    (month,) = bring(capsys, *forgotten, "--yes")[0]
    assert (month["state"], month["rows"]) == ("COMPLETE", 4)
    (folder / "a.csv").write_text(HEAD + RIGHT + MENDED.replace("100", "200"), "utf-8")
    assert bring(capsys, *forgotten)[0][0]["prompt_tokens"] == 500  # as the last one was read


@pytest.mark.parametrize("preset", ["--from acme-proxy", OWN])
def test_a_file_of_another_name_that_forgets_a_condition_supersedes_only_where_that_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], preset: str
) -> None:
    (folder / "a.csv").write_text(HEAD + RIGHT + MENDED, "utf-8")
    given = shlex.split(preset)
    assert bring(capsys, *given, "--where", "kind=prod")[0][0]["rows"] == 3
    (folder / "b.csv").write_text(HEAD + RIGHT + MENDED.replace("100", "200"), "utf-8")
    forgotten = [*given, "--supersedes", "a.csv"]
    assert main(["import", "b.csv", *forgotten]) == 2
    error = capsys.readouterr().err
    assert error.startswith("flexlib: b.csv is read otherwise than the a.csv that it is to supersede, with --")
    assert " --where kind=prod (now --" in error
    assert main(["import", "b.csv", *forgotten, "--where", "kind=prod", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["months"][0]["rows"] == 3
    (folder / "c.csv").write_text(HEAD + RIGHT + MENDED.replace("100", "300"), "utf-8")
    assert main(["import", "c.csv", *given, "--supersedes", "b.csv", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["months"][0]["rows"] == 4


@pytest.mark.parametrize("options", ["--from acme-proxy", OWN])
def test_what_was_imported_before_by_other_options_is_refused_by_their_names(
    folder: Path, capsys: pytest.CaptureFixture[str], options: str
) -> None:
    (folder / "a.csv").write_text(HEAD + RIGHT + MENDED, "utf-8")
    bring(capsys, *shlex.split(options), "--where", "kind=prod")
    error = bring(capsys, *shlex.split(options), code=2)[1]
    assert error.startswith("flexlib: a.csv was imported into 2026-05 before, with --")
    assert "--where kind=prod (now --" in error
    assert "[" not in error


def test_a_file_that_the_preset_alone_reads_otherwise_is_not_said_to_lack_an_option(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.csv").write_text(HEAD + RIGHT + MENDED, "utf-8")
    changed = PRESET.replace("timezone: America/Santiago", "timezone: America/Santiago, makers: known")
    (folder / "params" / "presets" / "acme.yaml").write_text(changed, "utf-8")
    bring(capsys, "--from", "acme-proxy")
    (folder / "params" / "presets" / "acme.yaml").write_text(PRESET, "utf-8")
    (folder / "a.csv").write_text(HEAD + RIGHT + MENDED.replace("100", "200"), "utf-8")
    assert bring(capsys, "--from", "acme-proxy", "--supersedes", "a.csv", code=2)[1] == (
        "flexlib: a.csv is read otherwise than the a.csv that it is to supersede, as acme-proxy said something else "
        "then; add --yes to read it as acme-proxy says now.\n"
    )


def test_a_bill_of_one_name_that_is_read_otherwise_supersedes_only_where_that_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head, line = "day,amount,currency,provider,kind of line\n", '2026-05-01,"1,5",USD,openai,a\n'
    (folder / "a.csv").write_text(f"{head}{line}2026-05-02,x,USD,openai,a\n2026-05-03,7,USD,openai,total\n", "utf-8")
    options = ["--from", "our-bill", "--decimal", ",", "--where", "kind of line=a"]
    told = read_advice(bring(capsys, *options, code=3)[1])
    assert told == "--from our-bill --decimal , --where 'kind of line=a' --supersedes a.csv"
    (folder / "a.csv").write_text(f"{head}{line}2026-05-02,2,USD,openai,a\n2026-05-03,7,USD,openai,total\n", "utf-8")
    error = bring(capsys, "--from", "our-bill", "--decimal", ",", "--supersedes", "a.csv", code=2)[1]
    given = "--from our-bill --decimal , --where 'kind of line=a' (now --from our-bill --decimal ,)"
    assert f"with {given}; import it with the options of that one" in error
    (month,) = bring(capsys, *shlex.split(told))[0]
    assert month["amounts"][0]["amount"] == "3.5"


def test_every_field_of_a_mapping_has_an_option_or_is_said_by_presets_alone() -> None:
    """The parser knows each option that is advised, and feeds that field with it."""
    parser = argparse.ArgumentParser()
    add_import_options(parser.add_subparsers())
    for kind in (CallMapping, ChargeMapping):
        for field in {one.name for one in fields(kind)} - WITHOUT_OPTION - UNSAID:
            value = CHOICES.get(field, "x")
            words = name_import_options({"mapping": {field: [value] if str(field) in ("where", "metadata") else value}})
            given = vars(parser.parse_args(["import", "a.csv", *shlex.split(words)]))
            assert given[field] in (value, [value]), field


def test_of_a_file_that_a_preset_of_flexlib_reads_its_name_is_all_that_is_said() -> None:
    for preset in list_presets():
        mapping = preset.build_mapping()
        assert name_import_options({"preset": preset.name, "mapping": mapping.describe()}) == f"--from {preset.name}"
