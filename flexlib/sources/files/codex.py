"""Session files of OpenAI's Codex as plain rows: several lines tell a call, and a fork repeats its parent's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from flexlib.sources.files.moments import read_instant

REPLAY = timedelta(seconds=2)
"""A forked session begins with its parent's lines, all written at once with the fork's own time; a first answer of its
own takes longer than that to come."""
AT_ONCE = timedelta(milliseconds=100)
"""No call is over so soon after the one before it: lines so near to each other may be copies."""

READER = "codex"
"""What a mapping calls this reader."""
CALL, REPLAYED, REPEATED, LIMITS = "call", "of the parent session", "repeated", "limits only"
PERHAPS_REPLAYED = "perhaps of the parent session"
"""Calls that count, of which somebody must say whether they do."""
ASKED: dict[str | None, tuple[str, ...]] = {"codex": (f"{PERHAPS_REPLAYED}: kind={PERHAPS_REPLAYED}",)}
"""Kinds that this reader's rows have by any mapping, those of before too."""

COUNTS = ("input_tokens", "output_tokens")

Usage = dict[str, Any]


def read_codex(lines: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """A row for each line that counts tokens, in the order of the file; `kind` tells which of them are calls.

    Not every file says that its session is a fork. It may be one where it begins with calls of a time before it, or
    with several at one moment: that is asked, since clocks differ and times may be cut to seconds.
    """
    waiting: list[dict[str, Any]] = []  # from a session's first call on: the next one tells whether it may be a copy
    last: dict[str | None, tuple[datetime, Usage]] = {}
    own = set[str | None]()  # sessions that have had a call of their own
    current: str | None = None
    for row, session, begun in _read_rows(lines):
        now = read_instant(row.get("timestamp"))
        if session != current:  # sessions in turns: what has begun with one call alone goes on with its own
            own |= {current} & last.keys()
            current = session
        if row["kind"] == CALL and session not in own and begun and now:
            is_at_once = session in last and abs(now - last[session][0]) < AT_ONCE
            if is_at_once:
                last[session][1]["kind"] = PERHAPS_REPLAYED
            if is_at_once or now < begun:
                row["kind"] = PERHAPS_REPLAYED
            elif session in last:
                own.add(session)
            yield from waiting
            waiting, last[session] = [], (now, row)
        waiting.append(row)
        if session in own or session not in last:
            yield from waiting
            waiting = []
    yield from waiting


def _read_rows(lines: Iterable[Any]) -> Iterator[tuple[dict[str, Any], str | None, datetime | None]]:
    """As `read_codex` by the lines alone, with the session of each and when that began.

    A file may hold several sessions, in turns too; a total greater than the first call of one that is no fork tells
    that its beginning is missing. `model` is that of the last `turn_context`. A line without the usage of its own
    call has what the session's total has grown by. What is no JSON (None) is a call of which nothing is known.
    """
    session: Usage = {}
    before: Usage = {}
    seen: set[str] = set()
    sessions: dict[str, tuple[Usage, Usage, Any, int, bool]] = {}
    is_fork = False
    model, number, is_replay = None, 0, False
    for line in lines:
        if not isinstance(line, dict):
            yield {"kind": CALL}, None, None
            continue
        payload = _read_object(line.get("payload"))
        kind = payload.get("type") if line.get("type") == "event_msg" else line.get("type")
        begun, now = read_instant(session.get("timestamp")), read_instant(line.get("timestamp"))
        is_at_once = begun is not None and now is not None and now - begun < REPLAY
        is_other = not session or payload.get("id") != session["id"]
        if kind == "session_meta" and is_other and not (is_replay and is_at_once):
            if isinstance(session.get("id"), str):
                sessions[session["id"]] = session, before, model, number, is_fork
            is_replay = is_fork = _is_fork(payload)
            session, before, model, number = {"id": payload.get("id"), "timestamp": line.get("timestamp")}, {}, None, 0
            if isinstance(session["id"], str) and session["id"] in sessions:
                session, before, model, number, is_fork = sessions[session["id"]]
                is_replay = is_fork
        elif kind == "turn_context":
            model = payload.get("model") or model
        elif kind == "token_count":
            number += 1
            info = _read_object(payload.get("info"))
            total = _read_object(info.get("total_token_usage"))
            if is_replay and not (begun and now):  # whose call it is, nothing tells
                yield {"kind": CALL}, None, None
                continue
            is_replay = is_replay and is_at_once
            own_id = f"{session['id']}-{number}" if isinstance(session.get("id"), str) else None
            row = {"id": own_id, "timestamp": line.get("timestamp"), "model": model}
            last, grown = _read_object(info.get("last_token_usage")), _subtract(total, before)
            row |= last or grown
            for name in COUNTS if last and (before or total and not is_fork) and not is_replay else ():
                if _count(grown, name) > _count(last, name):  # of a call that no line tells
                    row[name] = f"{_count(last, name)}, and the session's total has grown by {_count(grown, name)}"
            told = repr((line.get("timestamp"), info))
            is_told = now is not None and told in seen
            seen.add(told)
            if not payload.get("info"):
                row["kind"] = LIMITS
            elif is_replay:
                row["kind"] = REPLAYED
            else:
                row["kind"] = REPEATED if is_told or (total and total == before) else CALL
            before = before if is_told else total or before
            yield row, session["id"] if own_id else None, begun


def _read_object(value: object) -> Usage:
    return value if isinstance(value, dict) else {}


def _count(usage: Usage, name: str) -> int:
    return count if isinstance(count := usage.get(name), int) else 0


def _is_fork(payload: Usage) -> bool:
    source = payload.get("source")
    is_spawned = isinstance(source, dict) and "subagent" in source
    return bool(payload.get("forked_from_id")) or is_spawned


def _subtract(total: Usage, before: Usage) -> Usage:
    """What the session's total has grown by; a total that has become smaller began anew."""
    counts = {name: value for name, value in before.items() if isinstance(value, int)}
    grown = {name: value - counts.get(name, 0) for name, value in total.items() if isinstance(value, int)}
    return total if any(value < 0 for value in grown.values()) else grown
