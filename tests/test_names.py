"""Model ids become names: by the dated table, by the rule for readable ids, or they stay what they are."""

from __future__ import annotations

import base64
import csv
import hashlib
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import flexlib
from flexlib.analysis.top import name_models
from flexlib.dates import Month, Span
from flexlib.i18n import speak
from flexlib.names import (
    DIGITS,
    PSEUDONYM,
    UNNAMED,
    find_provider,
    label_models,
    match_model,
    name_model,
    name_under,
    show_people,
    write_mask,
)
from flexlib.page.kit.markup import escape, render_element
from flexlib.tables.definition import Kind, format_value

TABLE = Path(flexlib.__file__).parent / "data" / "models.csv"


def run(sql: str) -> duckdb.DuckDBPyRelation:
    relation = duckdb.sql(sql)
    assert relation is not None
    return relation


@pytest.mark.parametrize(
    ("uid", "name", "provider"),
    [
        ("MODEL_PRIVATE_2", "Claude Sonnet 4.5", "Anthropic"),
        ("MODEL_PRIVATE_3", "Claude Sonnet 4.5 Thinking", "Anthropic"),
        ("MODEL_PRIVATE_21", "GPT-5.1 Low Thinking Fast", "OpenAI"),
        ("MODEL_CLAUDE_4_1_OPUS_THINKING", "Claude Opus 4.1 Thinking", "Anthropic"),
        ("MODEL_GPT_5_2_NONE", "GPT-5.2 No Thinking", "OpenAI"),
        ("MODEL_GPT_5_2_XHIGH_PRIORITY", "GPT-5.2 XHigh Thinking Fast", "OpenAI"),
        ("MODEL_GPT_5_2_CODEX_LOW", "GPT-5.2-Codex Low", "OpenAI"),
        ("MODEL_CHAT_O3_HIGH", "o3 High Reasoning", "OpenAI"),
        ("MODEL_SWE_1_5", "SWE-1.5 Fast", "Windsurf"),
        ("MODEL_GLM_4_7", "GLM 4.7", "Z.ai"),
    ],
)
def test_an_id_of_the_table_has_its_name_and_provider(uid: str, name: str, provider: str) -> None:
    assert (name_model(uid), find_provider(uid)) == (name, provider)


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        ("claude-sonnet-4-6", "Claude Sonnet 4.6"),
        ("claude-sonnet-4-6-thinking-1m", "Claude Sonnet 4.6 Thinking 1M"),
        ("claude-opus-4-7-xhigh-fast", "Claude Opus 4.7 XHigh Fast"),
        ("claude-opus-4-8-max", "Claude Opus 4.8 Max"),
        ("claude-3.5-sonnet", "Claude 3.5 Sonnet"),
        ("claude-3-7-sonnet-20250219", "Claude 3.7 Sonnet 20250219"),
        ("claude-opus", "Claude Opus"),
        ("gpt-4", "GPT-4"),
        ("gpt-4o-2024-08-06", "GPT-4o 2024-08-06"),
        ("gpt-5-3-codex-xhigh-priority", "GPT-5.3-Codex XHigh Fast"),
        ("gpt-5-1-codex-max-high", "GPT-5.1-Codex-Max High"),
        ("gpt-5-4-none", "GPT-5.4 No Thinking"),
        ("gpt-5-1-codex-mini-low", "GPT-5.1-Codex-Mini Low"),
        ("gpt-5-2-medium", "GPT-5.2 Medium Thinking"),
        ("o1-low", "o1 Low Reasoning"),
        ("o4-mini-medium", "o4 Mini Medium Reasoning"),
        ("claude-4x1y", "Claude 4x1y"),
        ("gpt-5-4-mini-high-priority", "GPT-5.4 Mini High Thinking Fast"),
        ("gpt-oss-120b", "GPT-OSS 120B"),
        ("o3", "o3"),
        ("o3-high", "o3 High Reasoning"),
        ("gemini-3-1-pro-low", "Gemini 3.1 Pro Low"),
        ("gemini-3-5-flash-minimal", "Gemini 3.5 Flash Minimal"),
        ("kimi-k2-5", "Kimi K2.5"),
        ("glm-5", "GLM 5"),
        ("glm-5-1", "GLM 5.1"),
        ("minimax-m2-5", "MiniMax M2.5"),
        ("deepseek-v4", "DeepSeek V4"),
        ("swe-1-6-fast", "SWE-1.6 Fast"),
        ("swe-1-7-lightning", "SWE-1.7 Lightning"),
        ("grok-4-5-high", "Grok 4.5 High"),
        ("adaptive", "Adaptive"),
        ("arena-smart", "Arena Smart"),
    ],
)
def test_a_readable_id_is_written_out(uid: str, name: str) -> None:
    assert name_model(uid) == name
    assert find_provider(uid) is not None


def test_each_family_has_its_maker() -> None:
    makers = {
        "Anthropic": ["claude-1"],
        "OpenAI": ["gpt-4", "o1", "o3", "o4"],
        "Google": ["gemini-1"],
        "xAI": ["grok-1"],
        "Moonshot AI": ["kimi-1"],
        "Z.ai": ["glm-1"],
        "MiniMax": ["minimax-1"],
        "DeepSeek": ["deepseek-1"],
        "Windsurf": ["swe-1", "adaptive", "arena"],
    }
    assert {maker: [uid for uid in uids if find_provider(uid) == maker] for maker, uids in makers.items()} == makers


@pytest.mark.parametrize("uid", ["<nil>", "", "UNKNOWN"])
def test_what_the_server_does_not_name_is_an_unknown_model(uid: str) -> None:
    assert name_model(uid) == UNNAMED == "Unknown model"
    assert find_provider(uid) is None


@pytest.mark.parametrize(
    "uid", ["MODEL_PRIVATE_16", "MODEL_CLAUDE_9", "mistral-large-3", "=gpt-4", "gpt-", "claude--x"]
)
def test_an_id_never_seen_stays_as_it_is(uid: str) -> None:
    assert (name_model(uid), find_provider(uid)) == (uid, None)


def test_a_slot_that_was_reused_means_what_it_meant_on_the_day() -> None:
    assert name_model("MODEL_PRIVATE_9", date(2025, 11, 12)) == "Gemini 2.5 Pro (test build)"
    assert name_model("MODEL_PRIVATE_9", date(2025, 11, 13)) == "GPT-5.1-Codex Medium"
    assert name_model("MODEL_PRIVATE_9") == "GPT-5.1-Codex Medium"
    assert find_provider("MODEL_PRIVATE_9", date(2025, 10, 1)) == "Google"


def test_a_slot_that_turns_within_the_days_has_both_names() -> None:
    uid = "MODEL_PRIVATE_9"
    assert label_models([uid], Month(2025, 11).span) == {uid: "Gemini 2.5 Pro (test build) / GPT-5.1-Codex Medium"}
    assert label_models([uid], Month(2025, 10).span) == {uid: "Gemini 2.5 Pro (test build)"}
    assert label_models([uid], Span(date(2025, 11, 13), date(2025, 11, 30))) == {uid: "GPT-5.1-Codex Medium"}


def test_two_ids_of_one_name_show_the_id_in_brackets() -> None:
    assert label_models(["MODEL_PRIVATE_5", "MODEL_CHAT_GPT_5_CODEX", "gpt-4"]) == {
        "MODEL_CHAT_GPT_5_CODEX": "GPT-5-Codex [MODEL_CHAT_GPT_5_CODEX]",
        "MODEL_PRIVATE_5": "GPT-5-Codex [MODEL_PRIVATE_5]",
        "gpt-4": "GPT-4",
    }


@given(st.lists(st.text(max_size=8) | st.sampled_from(["gpt-4", "GPT-4", "<nil>", "UNKNOWN", "MODEL_PRIVATE_5"])))
def test_no_two_ids_share_a_label(uids: list[str]) -> None:
    labels = label_models(uids)
    assert set(labels) == set(uids)
    assert len(set(labels.values())) == len(labels)


def test_a_frame_is_given_its_names_beside_the_ids_and_is_not_changed() -> None:
    frame = pd.DataFrame({"model_uid": ["gpt-4", "MODEL_PRIVATE_2", "gpt-4", "new"], "flex_credits": [4, 3, 2, 1]})
    named = name_models(frame)
    assert list(named["model"]) == ["GPT-4", "Claude Sonnet 4.5", "GPT-4", "new"]
    assert list(frame.columns) == ["model_uid", "flex_credits"]


def test_a_relation_stays_lazy_and_in_its_order_however_long_it_is() -> None:
    ids = "SELECT 'MODEL_PRIVATE_' || (i % 24)::VARCHAR AS model_uid, i FROM range(500000) t(i)"
    named = name_models(run(ids).order("i DESC"))
    assert isinstance(named, duckdb.DuckDBPyRelation)
    numbers = [number for number, _ in named.project("i, model").fetchall()]
    assert numbers == list(range(499999, -1, -1))


def test_a_frame_without_rows_has_no_names() -> None:
    named = name_models(run("SELECT 'x' AS model_uid LIMIT 0"))
    assert named.columns == ["model_uid", "model"]
    assert named.fetchall() == []


def test_the_meanings_of_an_id_in_the_table_do_not_overlap_and_none_is_empty() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(row["uid"] and row["name"] and row["provider"] and row["seen_in"] for row in rows)
    spans: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        spans.setdefault(row["uid"], []).append((row["from"], row["until"] or "9999"))
    for uid, turns in spans.items():
        turns.sort()
        assert all(first < until for first, until in turns), uid
        assert all(earlier[1] <= later[0] for earlier, later in zip(turns, turns[1:], strict=False)), uid


def test_a_pseudonym_is_of_the_secret_and_the_user_alone() -> None:
    alone, together = name_under(b"ours", ["ana"]), name_under(b"ours", ["ben", "ana", "ana"])
    assert alone == {"ana": "Person 0r473cz1"}
    assert together == {"ana": "Person 0r473cz1", "ben": "Person z2f5n78x"}
    assert name_under(b"theirs", ["ana"]) != alone
    assert name_under(b"s" * 99, ["ana"]) == name_under(b"s" * 64, ["ana"])  # a secret of any length


def test_only_those_whose_pseudonyms_begin_alike_have_all_their_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flexlib.names, "SHOWN_DIGITS", 1)
    shown = name_under(b"ours", ["ana", "ben", "u-45"])
    # The digest is 20 bytes, so 32 digits of five bits; as Python's own base 32 has them, in the letters of RFC 4648.
    digest = hashlib.blake2b(b"ben", key=b"ours", digest_size=20).digest()
    ben = base64.b32encode(digest).decode().translate(str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", DIGITS))
    assert (shown["ana"], shown["ben"]) == ("Person 0", f"Person {ben}")
    assert shown["u-45"].startswith("Person z")
    assert {len(name) for name in shown.values()} == {len("Person ") + 1, len("Person ") + 32}


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("Person 0r473cz1", True),
        ("Person z2f5n78x" + "0" * 24, True),
        ("Person 0r473cz", False),
        ("Person 0r473czi", False),  # i, l, o and u are no digits of it
        ("person 0r473cz1", False),
        ("Ana Rojas", False),
    ],
)
def test_a_pseudonym_is_told_from_a_name_by_its_form(text: str, is_one: bool) -> None:
    assert bool(PSEUDONYM.fullmatch(text)) is is_one


@pytest.mark.parametrize(
    "billed",
    ["claude-opus-4-6", "Claude Opus 4.6", "claude-4.6-opus", "anthropic/claude-opus-4.6", "claude-opus-4-6@20260115",
     "vertex/anthropic/Claude-Opus-4-6-2026-01-15", "claude-opus-4-6-", " Claude  Opus 4.6 "],
)  # fmt: skip
def test_a_model_is_one_in_bills_and_in_calls_whatever_its_maker_date_and_punctuation(billed: str) -> None:
    assert match_model(billed) == "claude-opus-4-6"


def test_a_number_that_is_no_date_at_the_end_tells_models_apart() -> None:
    assert match_model("gpt-4o-2024-08-06-mini") == "gpt-4o-2024-08-06-mini"
    assert match_model("qwen-72b-1234567") == "qwen-72b-1234567"


def test_a_column_of_keys_is_masked_by_the_secret_and_the_key_alone() -> None:
    keys = "SELECT unnest(['ana.perez', '', 'ñ']) AS key, 1 AS n"
    masked = run(f"SELECT {write_mask(b'ours', 'key')} FROM ({keys})").fetchall()
    salt = hashlib.blake2b(b"keys", key=b"ours", digest_size=32).hexdigest()
    assert masked == [(hashlib.sha256(f"{salt}{key}".encode()).hexdigest()[:10], 1) for key in ("ana.perez", "", "ñ")]
    assert masked != run(f"SELECT {write_mask(b'theirs', 'key')} FROM ({keys})").fetchall()
    assert write_mask(b"s" * 99, "key") == write_mask(b"s" * 64, "key")  # a secret of any length


def test_a_page_in_spanish_says_persona_and_what_is_stored_stays_as_it_is() -> None:
    text = "Person 0r473cz1, Person 001 and Person of the year"
    assert (show_people(text), escape("Person 0r473cz1")) == (text, "Person 0r473cz1")
    with speak("es"):
        assert show_people(text) == "Persona 0r473cz1, Persona 001 and Person of the year"
        assert escape("Person 0r473cz1") == format_value("Person 0r473cz1", Kind.TEXT) == "Persona 0r473cz1"
        assert render_element("p", "", id="Person 0r473cz1") == '<p id="Person 0r473cz1"></p>'
