"""A published advisory ends CI; a service that cannot be asked is said, and never looks like nothing found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from check_advisories import find_advisories, main
from harness import Answer, Request, answer_json, serve


def make_environment(root: Path, *installed: tuple[str, str]) -> str:
    for name, version in installed:
        folder = root / "lib" / "python3.11" / "site-packages" / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return str(root)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def answer_of_osv(request: Request) -> Answer:
    """As OSV answers: a result for each question, in their order, empty where nothing is known."""
    known = {("jupyterlab", "4.6.1"): ["GHSA-whvh-wf3x-g77j", "PYSEC-2026-1"]}
    assert (request.method, request.path) == ("POST", "/v1/querybatch")
    asked = [(one["package"]["ecosystem"], one["package"]["name"], one["version"]) for one in request.body["queries"]]
    assert {ecosystem for ecosystem, *_ in asked} == {"PyPI"}
    found: list[Any] = [known.get((name, version), []) for _, name, version in asked]
    return answer_json({"results": [{"vulns": [{"id": one} for one in ids]} if ids else {} for ids in found]})


def test_an_advisory_about_one_version_of_one_environment_ends_with_1_and_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = make_environment(tmp_path / "a", ("jupyterlab", "4.6.2"), ("flexlib", "0.2.0"), ("pip", "23.2.1"))
    lowest = make_environment(tmp_path / "b", ("jupyterlab", "4.6.1"), ("Jupyter_Core", "5.9.1"))
    with serve(answer_of_osv) as url:
        service = f"{url}/v1/querybatch"
        assert main([newest, lowest], service) == 1
        assert capsys.readouterr().out == "jupyterlab 4.6.1: GHSA-whvh-wf3x-g77j, PYSEC-2026-1\n"
        assert main([newest], service) == 0
        assert capsys.readouterr().out == "advisories: none about 1 versions installed\n"
        versions = [("jupyterlab", f"4.{minor}") for minor in range(2500)] + [("jupyterlab", "4.6.1")]
        assert len(find_advisories(versions, service)) == 1  # over more than one batch


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503),
        Answer(200, b"<html>"),
        answer_json({"results": []}),
        answer_json({"results": [None]}),
        answer_json([]),
    ],
)
def test_a_service_that_cannot_be_asked_is_said_in_a_line_and_ends_nothing(
    answer: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = make_environment(tmp_path, ("jupyterlab", "4.6.1"))
    with serve(lambda _: answer) as url:
        assert main([environment], f"{url}/v1/querybatch") == 0
        said = capsys.readouterr().out
    assert said.startswith(f"advisories: not checked, {url.removeprefix('http://')} cannot be reached (")
    assert main([environment], f"{url}/v1/querybatch") == 0  # it is gone
    assert "cannot be reached ([Errno" in capsys.readouterr().out


def test_an_environment_that_is_not_there_is_no_pass(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="has nothing installed"):
        main([str(tmp_path)])
