"""Where notices go, out of settings: what is read, what is refused, and that no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexlib.addresses import MailServer, read_servers
from flexlib.errors import BadSetting
from flexlib.settings import load_settings

FROM = {"FLEXLIB_SMTP_FROM": "flexlib@example.com"}


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 587, "smtp", "", "")),
        ("smtps://ana:p%40ss%2Fword@mail.example.com", ("mail.example.com", 465, "smtps", "ana", "p@ss/word")),
        ("smtp+plain://relay:2525", ("relay", 2525, "smtp+plain", "", "")),
        ("smtp+plain://ana:secret@127.0.0.1", ("127.0.0.1", 25, "smtp+plain", "ana", "secret")),
    ],
)
def test_a_mail_server_is_one_url(url: str, server: tuple[str, int, str, str, str]) -> None:
    host, port, scheme, user, password = server
    assert read_servers({"FLEXLIB_SMTP_URL": url, **FROM}).mail == MailServer(
        host, port, scheme, "flexlib@example.com", user, password
    )


def test_mail_comes_from_its_user_unless_told_otherwise() -> None:
    mail = read_servers({"FLEXLIB_SMTP_URL": "smtp://ana%40example.com:secret@mail.example.com"}).mail
    assert mail is not None
    assert (mail.sender, mail.user) == ("ana@example.com", "ana@example.com")


@pytest.mark.parametrize(
    "settings",
    [
        {"FLEXLIB_SMTP_URL": "mail.example.com", **FROM},
        {"FLEXLIB_SMTP_URL": "http://ana:s3cr3t@mail.example.com", **FROM},
        {"FLEXLIB_SMTP_URL": "smtp://ana:s3cr3t@mail.example.com:99999", **FROM},
        {"FLEXLIB_SMTP_URL": "smtp://ana:s3cr3t@mail.example.com/path", **FROM},
        {"FLEXLIB_SMTP_URL": "smtp://ana:s3cr3t@", **FROM},
        {"FLEXLIB_SMTP_URL": "smtp+plain://ana:s3cr3t@mail.example.com", **FROM},  # in the clear
        {"FLEXLIB_SMTP_URL": "smtp://ana:s3cr3t@mail.example.com"},  # who is it from?
        {"FLEXLIB_SMTP_URL": "smtp://mail.example.com", "FLEXLIB_SMTP_FROM": "a@example.com\nBcc: b@example.com"},
        {"FLEXLIB_WEBHOOK_URL_OPS": "http://hooks.example.com/s3cr3t"},
        {"FLEXLIB_WEBHOOK_URL_OPS": "https://ana:s3cr3t@hooks.example.com/"},
        {"FLEXLIB_WEBHOOK_URL_OPS": "https://hooks.example.com/s3cr3t part"},
        {"FLEXLIB_WEBHOOK_URL_OPS": "https://hooks.example.com:0/s3cr3t"},
        {"FLEXLIB_WEBHOOK_URL_OPS": "https://[hooks/s3cr3t"},
        {"FLEXLIB_WEBHOOK_URL_OPS": "s3cr3t"},
        {"FLEXLIB_WEBHOOK_SECRET": "s3cr3t"},
    ],
)
def test_a_fault_is_a_sentence_that_shows_no_secret(settings: dict[str, str]) -> None:
    with pytest.raises(BadSetting) as raised:
        read_servers(settings)
    assert "s3cr3t" not in str(raised.value)
    assert str(raised.value).startswith("FLEXLIB_")


def test_settings_show_no_secret_of_a_server(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "FLEXLIB_SMTP_URL": "smtp://ana:s3cr3t-of-mail@mail.example.com",
            "FLEXLIB_WEBHOOK_URL_OPS": "https://hooks.example.com/T0/s3cr3t-of-ops",
            "FLEXLIB_WEBHOOK_SECRET": "s3cr3t-that-signs-all",
            **FROM,
        },
        tmp_path,
    )
    assert "s3cr3t" not in repr(settings)
    secrets = "s3cr3t-of-mail https://hooks.example.com/T0/s3cr3t-of-ops s3cr3t-that-signs-all"
    assert settings.hide_key(f"{secrets}.") == "[secret] [secret] [secret]."
    assert dict(settings.servers.webhooks) == {"ops": "https://hooks.example.com/T0/s3cr3t-of-ops"}
