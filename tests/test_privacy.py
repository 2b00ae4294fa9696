"""The guard of the metadata: what is masked, what must not be, and that the row says so."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from databases import query

from flexlib.errors import BadSetting
from flexlib.ledger import InvalidCall, Ledger, PrivacyGuard, UsageQuery, open_ledger, record_many, record_usage
from flexlib.privacy import is_rut

CALL: dict[str, Any] = {"usable": ("user", 42), "provider": "openai", "model": "gpt-4o", "prompt_tokens": 100}

MASKED = [
    # e-mails
    ("write to ana.perez+test@empresa.cl, please", "write to [email], please", "email"),
    ("mailto:ñandú@correo.example", "mailto:[email]", "email"),
    ("<Ana@EXAMPLE.co.uk>", "<[email]>", "email"),
    ("ana＠empresa.cl, ana＠empresa．cl", "[email], [email]", "email"),  # as keyboards of East Asia write it
    # RUTs, with the right check digit
    ("RUT 12.345.678-5.", "RUT [rut].", "rut"),
    ("12345678-5", "[rut]", "rut"),
    ("76.192.083-9 y 6.000.000-1", "[rut] y 6.000.000-1", "rut"),  # the second has another digit
    ("1.000.005-K", "[rut]", "rut"),
    # phone numbers
    ("+56 9 1234 5678", "[phone]", "phone"),
    ("llama al +56912345678 hoy", "llama al [phone] hoy", "phone"),
    ("56 9 8765 4321", "[phone]", "phone"),
    ("9 1234 5678", "[phone]", "phone"),
    ("fono: 912345678", "fono: [phone]", "phone"),
    ("(2) 2345 6789", "[phone]", "phone"),
    ("+56 2 2345 6789", "[phone]", "phone"),
    ("(032) 212 3456", "[phone]", "phone"),
    ("+1 (555) 123-4567", "[phone]", "phone"),
    ("555-123-4567", "[phone]", "phone"),
    ("+49 30 901820", "[phone]", "phone"),
    # keys
    ("sk-proj-Ab12Cd34Ef56Gh78Ij90", "[key]", "key"),
    ("use sk-ant-api03-abcdefghijklmnop-1234 now", "use [key] now", "key"),
    ("sk-or-v1-0123456789abcdef0123", "[key]", "key"),
    ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "[key]", "key"),
    ("gsk_abcdefghijklmnopqrstuvwxyz0123456789", "[key]", "key"),
    ("hf_abcdefghijklmnopqrstuvwxyz01234567", "[key]", "key"),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[key]", "key"),
    ("AKIAIOSFODNN7EXAMPLE", "[key]", "key"),
    ("Authorization: Bearer abcdef1234567890", "Authorization: [key]", "key"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sflKxwRJSMeKKF2QT4", "[key]", "key"),
    ("postgresql://ana:hunter2@db.example.com/x", "postgresql://[key]@db.example.com/x", "key"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end", "[key] end", "key"),
    ("a -----BEGIN PRIVATE KEY-----\nMIIEvQIBAD", "a [key]", "key"),  # cut off
]

KEPT = [
    "gpt-4o-2024-08-06",
    "claude-sonnet-4-5-20250929",
    "2025-09-10T12:00:00.123456Z",
    "2025-09-10 12:00:00-03:00",
    "01a2049d-1e05-79cc-8f2d-e9d5ae22628b",
    "9123456789ab",
    "chatcmpl-9123456789",
    "192.168.100.200",
    "1757500000",
    "1757500000123",
    "12.345.678-4",  # not the check digit
    "12345678",
    "12.345.678",
    "a price of 0.912345678 USD",
    "912345678.55",
    "64 256 1024 tokens",
    "temperature 0.7, top_p 0.95, seed 123456789",
    "@here and a@b",
    "sk-learn-pipeline-of-the-team",
    "https://example.com/9123/45678",
    "3.14159265358979",
    "1,234,567,890 tokens",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
]


@pytest.mark.parametrize(("text", "masked", "kind"), MASKED)
def test_personal_data_and_keys_are_masked(text: str, masked: str, kind: str) -> None:
    assert PrivacyGuard().mask({"note": text}) == ({"note": masked}, [kind])


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_alike_is_kept(text: str) -> None:
    assert PrivacyGuard().mask({"note": text}) == ({"note": text}, [])


def test_every_number_of_a_rut_has_one_check_digit() -> None:
    for number, digit in ((12345678, "5"), (76192083, "9"), (1000005, "k"), (30686957, "4"), (6000000, "k"), (7, "8")):
        assert [one for one in "0123456789k" if is_rut(f"{number}-{one}")] == [digit]


def test_masking_goes_through_every_level_and_leaves_the_callers_own_alone() -> None:
    given = {
        "user": {"email": "ana@empresa.cl", "tags": ["vip", "12.345.678-5"]},
        "ana@empresa.cl": 1,
        "phone": 56912345678,
        "Api_Key": ["a", "b"],
        "password": "",
        "rut": None,
        "seed": 912345678,
        "max_tokens": 5,
    }
    untouched = deepcopy(given)
    masked, kinds = PrivacyGuard().mask(given)
    assert given == untouched
    assert kinds == ["key", "email", "rut", "phone"]
    assert masked == {
        "user": {"email": "[email]", "tags": ["vip", "[rut]"]},
        "[email]": 1,
        "phone": "[phone]",
        "Api_Key": "[key]",
        "password": "",
        "rut": None,
        "seed": 912345678,
        "max_tokens": 5,
    }


NAMES = {
    "key": (
        ["api-key", "api_key", "apikey", "apiKey", "API.KEY", "x-api-key", "openai_api_key", "OPENAI_API_KEY_2"]
        + ["OpenAIApiKey", "token", "access_token", "accessToken", "accesstoken", "hf.token", "password", "PassWord"]
        + ["db_password", "dbpassword", "password_old", "secret", "client-secret", "aws_secret_access_key"]
        + ["authorization", "Proxy-Authorization", "clave", "pwd", "db_pwd", "pass", "smtpPass", "auth", "X-Auth"]
        + ["cookie", "Set-Cookie", "session_cookies"]
    ),
    "email": ["email", "e-mail", "E_Mail", "user_email", "userEmail", "last_email", "correo.cliente"],
    "rut": ["rut", "RUT", "rut_cliente", "RUTCliente", "cliente-rut"],
    "phone": ["phone", "phone_number", "phone2", "telefono", "Teléfono", "telefono-casa", "celular"],
}
NAMED = [(name, kind) for kind, names in NAMES.items() for name in names]
UNNAMED = (
    ["prompt_tokens", "max_tokens", "token_count", "tokens", "maxTokens", "max_token", "price_per_token", "key"]
    + ["time_to_first_token", "stop_token", "email_count", "emails_sent", "phone_model", "password_length", "ruta"]
    + ["palabra_clave", "cache_key", "rutina", "truth", "brut", "voicemail", "secretary", "tokenizer", "passed", "-"]
    + ["first_pass", "author", "auth_method", "auth_ms", "cookies_enabled", "bypass"]
)


@pytest.mark.parametrize(("name", "kind"), NAMED)
def test_what_a_name_says_is_masked_whatever_its_value_is(name: str, kind: str) -> None:
    for value in ("abc", 7, 1.5, ["x"], {"y": 1}):
        assert PrivacyGuard().mask({name: value}) == ({name: f"[{kind}]"}, [kind])
        assert PrivacyGuard().mask({"in": [{name: value}]}) == ({"in": [{name: f"[{kind}]"}]}, [kind])
    assert PrivacyGuard.parse("none").mask({name: 7}) == ({name: 7}, [])


@pytest.mark.parametrize("name", UNNAMED)
def test_a_name_that_only_sounds_alike_hides_nothing(name: str) -> None:
    assert PrivacyGuard().mask({name: 7}) == ({name: 7}, [])


def test_the_configured_key_is_masked_though_it_looks_like_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", "plain-word")
    call = record_usage(**CALL, amount_in_usd=1, metadata={"note": "with plain-word", "plain-word": 1, "plain": 2})
    assert (call.metadata, call.masked) == ({"note": "with [key]", "[key]": 1, "plain": 2}, "key")
    assert "plain-word" not in repr(PrivacyGuard(secret="plain-word"))


def test_names_that_are_masked_alike_stay_as_many_as_they_were() -> None:
    given = {"a@b.cl": 1, "c@d.cl": 2, "[email]": 3, "[email] 2": 4, "e@f.cl": 5}
    masked, kinds = PrivacyGuard().mask(given)
    assert masked == {"[email]": 1, "[email] 2": 2, "[email] 3": 3, "[email] 2 2": 4, "[email] 4": 5}
    assert kinds == ["email"]
    assert PrivacyGuard().mask(masked) == (masked, [])
    many, _ = PrivacyGuard().mask({f"a{number}@b.cl": number for number in range(20_000)})
    assert list(many.values()) == list(range(20_000))


def test_the_row_says_that_it_was_masked(ledger: Ledger) -> None:
    metadata = {"note": "ana@empresa.cl, 12.345.678-5"}
    one = record_usage(**CALL, metadata=metadata, amount_in_usd=1, ledger=ledger)
    (many,) = record_many([{**CALL, "metadata": metadata, "amount_in_usd": 1}], ledger=ledger)
    plain = record_usage(**CALL, metadata={"note": "nothing"}, amount_in_usd=1, ledger=ledger)
    assert one.metadata == many.metadata == {"note": "[email], [rut]"}
    assert one.masked == many.masked == "email,rut"
    assert (plain.metadata, plain.masked) == ({"note": "nothing"}, None)
    stored = [str(row) for row in query(ledger, "SELECT metadata FROM llm_usage_statistics")]
    assert [text for text in stored if "ana@" in text or "12.345" in text] == []


def test_a_masked_call_sent_again_is_the_same_call(ledger: Ledger) -> None:
    call = {**CALL, "request_id": "a", "metadata": {"note": "ana@empresa.cl"}}
    assert record_usage(**call, ledger=ledger) == record_usage(**call, ledger=ledger)


def test_the_guard_masks_what_it_is_set_to() -> None:
    metadata = {"note": "ana@empresa.cl 912345678"}
    assert PrivacyGuard.parse("email").mask(metadata) == ({"note": "[email] 912345678"}, ["email"])
    assert PrivacyGuard.parse("phone, rut").mask(metadata) == ({"note": "ana@empresa.cl [phone]"}, ["phone"])
    assert PrivacyGuard.parse("none").mask(metadata) == (metadata, [])
    assert PrivacyGuard.parse("all") == PrivacyGuard()
    with pytest.raises(BadSetting, match="faces: not what a privacy guard masks; it knows key, email, rut, phone"):
        PrivacyGuard.parse("email,faces")


def test_metadata_above_the_size_is_refused(ledger: Ledger, ledger_url: str) -> None:
    fits = {"note": "ñ" * 8186}  # 2 bytes each, and 12 for {"note": ""}
    assert len(json.dumps(fits, ensure_ascii=False).encode()) == 16 * 1024
    record_usage(**CALL, metadata=fits, ledger=ledger)
    with pytest.raises(InvalidCall, match="metadata is 16385 bytes of JSON, and the most is 16384; keep it elsewhere"):
        record_usage(**CALL, metadata={"note": fits["note"] + "n"}, ledger=ledger)
    narrow = open_ledger(ledger_url, metadata_bytes=20)
    with pytest.raises(InvalidCall, match="metadata is 21 bytes of JSON, and the most is 20"):
        record_usage(**CALL, metadata={"note": "123456789"}, ledger=narrow)
    narrow.close()
    assert UsageQuery(ledger).count() == 1


def test_metadata_that_holds_itself_is_refused(ledger: Ledger) -> None:
    metadata: dict[str, Any] = {}
    metadata["self"] = metadata
    with pytest.raises(InvalidCall, match="metadata cannot be kept as JSON"):
        record_usage(**CALL, metadata=metadata, ledger=ledger)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"when": {1, 2}}, "metadata cannot be kept as JSON: Object of type set is not JSON serializable."),
        ({"score": float("nan")}, "metadata cannot be kept as JSON: Out of range float values"),
        ({"text": "a\0b"}, "metadata holds a NUL character"),
        ({"text": "\ud800"}, "metadata cannot be kept as JSON: 'utf-8' codec can't encode"),
    ],
)
def test_metadata_that_cannot_be_kept_is_refused(ledger: Ledger, metadata: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidCall, match=re.escape(message)):
        record_usage(**CALL, metadata=metadata, ledger=ledger)


def test_an_escaped_backslash_is_no_nul(ledger: Ledger) -> None:
    record = record_usage(**CALL, metadata={"text": "\\u0000"}, amount_in_usd=1, ledger=ledger)
    assert record.metadata == {"text": "\\u0000"}
    assert UsageQuery(ledger).all() == [record]
