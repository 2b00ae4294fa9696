"""Who may look, what a browser may say, and how often."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flexlib.dashboard.access import Access, Rate, Role, read_token
from flexlib.errors import BadSetting

VIEWER, OWNER = "v" * 20, "o" * 20
ALL = Access(VIEWER, OWNER, "X-Forwarded-User")


@pytest.mark.parametrize(("access", "token", "headers", "role"), [
    (Access(), "", {}, Role.VIEWER),
    (Access(VIEWER), "", {}, None),
    (Access(VIEWER), VIEWER, {}, Role.VIEWER),
    (Access(VIEWER), VIEWER[:-1], {}, None),
    (Access(VIEWER), "ñ", {}, None),
    (Access(VIEWER), "", {"X-Forwarded-User": "ana"}, None),
    (Access(administrator_token=OWNER), "", {}, None),
    (ALL, OWNER, {}, Role.ADMINISTRATOR),
    (ALL, "", {"X-Forwarded-User": "ana"}, Role.VIEWER),
    (ALL, "", {"X-Forwarded-User": ""}, None),
    (ALL, OWNER, {"X-Forwarded-User": "ana"}, Role.ADMINISTRATOR),
])  # fmt: skip
def test_who_brings_what_is_asked_for_may_look(
    access: Access, token: str, headers: dict[str, str], role: Role | None
) -> None:
    assert access.find_role(token, headers) == role


def test_without_a_token_only_this_machine_may_look() -> None:
    Access().check_host("127.0.0.1")
    Access(VIEWER).check_host("0.0.0.0")
    with pytest.raises(BadSetting, match="On 0.0.0.0 anybody could look at the dashboard"):
        Access().check_host("0.0.0.0")


@pytest.mark.parametrize("written", ["short", "two words of a token", "ñandúñandúñandúñandú", ""])
def test_a_token_that_could_be_found_by_trying_is_refused_without_being_repeated(written: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(written, "utf-8")
    with pytest.raises(BadSetting, match="must be one word of at least 16 letters and digits") as caught:
        read_token(tmp_path / "token")
    assert not written or written not in str(caught.value)


def test_a_token_is_the_line_of_its_file_and_is_not_printed(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{VIEWER}\n", "utf-8")
    assert read_token(tmp_path / "token") == VIEWER
    assert VIEWER not in repr(Access(VIEWER))
    with pytest.raises(BadSetting, match="cannot be read: no such file"):
        read_token(tmp_path / "gone")


def test_who_asks_too_often_waits_for_a_minute_and_nobody_else_does() -> None:
    rate = Rate(2)
    asked = [("a", 0.0), ("a", 1.0), ("a", 2.0), ("b", 2.0), ("a", 60.5), ("a", 60.6), ("a", 61.5)]
    assert [rate.takes(*one) for one in asked] == [True, True, False, True, True, False, True]


@pytest.mark.parametrize(("channel", "kind", "content", "allowed"), [
    ("shell", "comm_msg", {"comm_id": "1", "data": {}}, True),
    ("shell", "comm_open", {"target_name": "jupyter.widget.control"}, True),
    ("shell", "comm_open", {"target_name": "jupyter.widget"}, False),
    ("shell", "comm_open", {}, False),
    ("shell", "kernel_info_request", {}, True),
    ("shell", "execute_request", {"code": "1"}, False),
    ("control", "execute_request", {"code": "1"}, False),
    ("control", "comm_msg", {}, False),
    ("control", "debug_request", {"command": "evaluate"}, False),
    ("shell", "inspect_request", {"code": "a"}, False),
    ("shell", "complete_request", {"code": "a"}, False),
    ("shell", "history_request", {}, False),
    ("stdin", "input_reply", {"value": "1"}, False),
    ("control", "shutdown_request", {}, False),
    ("shell", "", {}, False),
])  # fmt: skip
def test_a_browser_may_say_what_widgets_say_and_nothing_that_runs(
    channel: str, kind: str, content: dict[str, Any], allowed: bool
) -> None:
    from flexlib.dashboard.kernels import is_allowed

    assert is_allowed(channel, kind, content) is allowed
