"""The dashboard's door: who gets in, what a browser can reach and say, and what its page may load."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dashboard_server import ask, find_kernel, serve_dashboard, talk
from report_samples import FIXTURE

from flexlib.cli import main

VIEWER, OWNER = "v" * 20, "o" * 20


@pytest.fixture(scope="module")
def open_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("open") / "data"
    shutil.copytree(FIXTURE, data)
    with serve_dashboard(data, "--viewers", "3") as url:
        yield url


@pytest.fixture(scope="module")
def guarded_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("guarded")
    shutil.copytree(FIXTURE, folder / "data")
    for name, token in (("viewer", VIEWER), ("owner", OWNER)):
        (folder / name).write_text(token)
    options = ("--token-file", str(folder / "viewer"), "--administrator-token-file", str(folder / "owner"))
    with serve_dashboard(folder / "data", *options, "--user-header", "X-User") as url:
        yield url


def test_the_page_may_load_nothing_from_elsewhere_and_run_nothing_that_stands_in_it(open_url: str) -> None:
    status, headers, page = ask(open_url)
    assert status == 200
    policy = dict(one.strip().split(" ", 1) for one in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "http://" not in page
    assert "https://" not in page


@pytest.mark.parametrize("path", [
    *("api/contents", "api/kernels", "api/terminals", "api/sessions", "api/kernelspecs", "terminals/1", "login"),
    *("voila/files/dashboard.ipynb", "voila/tree", "voila/render/dashboard.ipynb", "dashboard.ipynb", "edit/x", "x"),
    *("voila/static/../../../app.py", "voila/api/shutdown/x", "voila/templates/lab/static/voila.js"),
])  # fmt: skip
def test_nothing_else_is_there(path: str, open_url: str) -> None:
    assert ask(open_url + path)[0] in (403, 404)


def test_another_name_for_this_machine_is_refused(open_url: str) -> None:
    assert ask(open_url, Host="attacker.example")[0] == 403


def test_a_browser_cannot_run_code(open_url: str, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    code = {"code": f"open({str(proof)!r}, 'w').close()", "silent": False}
    kernel = find_kernel(ask(open_url)[2])
    sent: list[tuple[str, str, dict[str, Any]]] = [
        ("shell", "execute_request", code),
        ("control", "execute_request", code),
        ("shell", "inspect_request", {"code": "print", "cursor_pos": 1}),
        ("shell", "complete_request", {"code": "pri", "cursor_pos": 3}),
        ("shell", "comm_open", {"comm_id": "a", "target_name": "jupyter.widget", "data": {}}),
        ("control", "shutdown_request", {"restart": False}),
    ]
    assert asyncio.run(talk(open_url, kernel, *sent)) == []
    assert not proof.exists()
    allowed = asyncio.run(talk(open_url, kernel, ("shell", "comm_info_request", {})))
    assert "comm_info_reply" in [one["msg_type"] for one in allowed]


def test_without_the_token_there_is_a_sentence_and_no_kernel(guarded_url: str) -> None:
    for address in (guarded_url, f"{guarded_url}?token=wrong"):
        status, _headers, page = ask(address)
        assert status == 403
        assert "This dashboard is shown to those who bring its token" in page
        assert "kernelId" not in page
    assert ask(f"{guarded_url}api/kernels/{'-'.join(['0'] * 5)}")[0] in (403, 404)


def test_with_a_token_or_the_proxy_s_user_there_is_the_page(guarded_url: str) -> None:
    assert find_kernel(ask(guarded_url, X_User="ana")[2])
    assert find_kernel(ask(f"{guarded_url}?token={VIEWER}", X_User="ana")[2])


def test_a_fourth_viewer_of_three_is_told_so_in_a_sentence(open_url: str) -> None:
    answers = [ask(open_url) for _place in range(5)]
    refused = [page for status, _headers, page in answers if status == 503]
    assert refused
    assert all("3 people are looking, which is as many as there is room for" in page for page in refused)


@pytest.mark.parametrize(("options", "said"), [
    (("--host", "0.0.0.0"), "On 0.0.0.0 anybody could look at the dashboard"),
    (("--token-file", "gone"), "The token in gone cannot be read: no such file or directory"),
    (("--port", "0"), "'0' is no port; give 1 to 65535"),
])  # fmt: skip
def test_what_is_asked_wrongly_is_a_sentence_and_a_code(
    options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["dashboard", *options])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert said in capsys.readouterr().err
