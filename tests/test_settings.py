"""Settings: where each comes from, which are refused, and that the key is never shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flexlib import home as home_module
from flexlib.closing.plan import read_plan
from flexlib.dates import Month
from flexlib.errors import BadFile, BadSetting
from flexlib.front.chargeback import find_rules
from flexlib.front.events import read_planned
from flexlib.home import find_home
from flexlib.ledger.guard.limits import load_limits
from flexlib.report.folder import lay_out_folder
from flexlib.setting_values import DEFAULT_BASE_URL
from flexlib.settings import Settings, load_settings
from flexlib.store.credit_prices import load_credit_prices, load_multipliers


def test_with_nothing_set_the_real_server_is_asked_and_data_lies_beside_the_project(tmp_path: Path) -> None:
    settings = load_settings({}, tmp_path)
    assert settings == Settings(data=tmp_path / "data", base_url=DEFAULT_BASE_URL)
    assert settings.base_url == "https://server.codeium.com"


def test_the_environment_stands_before_the_file_env(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WINDSURF_SERVICE_KEY=from-file\nFLEXLIB_DATA=/from/file\n")
    settings = load_settings({"WINDSURF_SERVICE_KEY": "from-environment"}, tmp_path)
    assert (settings.service_key, settings.data) == ("from-environment", Path("/from/file"))


def test_an_empty_value_counts_as_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WINDSURF_SERVICE_KEY=from-file\n")
    settings = load_settings({"WINDSURF_SERVICE_KEY": " ", "WINDSURF_BASE_URL": ""}, tmp_path)
    assert (settings.service_key, settings.base_url) == (None, DEFAULT_BASE_URL)


def test_the_key_has_a_second_name(tmp_path: Path) -> None:
    assert load_settings({"SERVICE_KEY": "second"}, tmp_path).service_key == "second"
    assert load_settings({"SERVICE_KEY": "2", "WINDSURF_SERVICE_KEY": "1"}, tmp_path).service_key == "1"


def test_settings_never_show_the_key() -> None:
    assert "secret" not in repr(Settings(Path("/data"), service_key="secret"))


def test_no_key_is_a_sentence_that_says_where_to_get_one() -> None:
    with pytest.raises(BadSetting, match="set WINDSURF_SERVICE_KEY in the environment or in .env"):
        _ = Settings(Path("/data")).required_key


def test_a_data_folder_is_absolute_and_may_start_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert load_settings({"FLEXLIB_DATA": "here"}, tmp_path).data == tmp_path / "here"
    assert load_settings({"FLEXLIB_DATA": "~/data"}, tmp_path).data == tmp_path / "me" / "data"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://server.codeium.com/", "https://server.codeium.com"),
        ("https://windsurf.corp:8443", "https://windsurf.corp:8443"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:80/", "http://[::1]:80"),
    ],
)
def test_a_base_url_is_scheme_and_host(given: str, kept: str, tmp_path: Path) -> None:
    settings = load_settings({"WINDSURF_BASE_URL": given}, tmp_path)
    assert settings.base_url == kept
    assert settings.is_loopback == given.startswith("http:")


@pytest.mark.parametrize(
    "given",
    [
        "https://server.codeium.com/api/v1",
        "https://server.codeium.com?x=1",
        "https://somebody:secret@server.codeium.com",
        "ftp://server.codeium.com",
        "server.codeium.com",
        "https://",
    ],
)
def test_a_base_url_with_anything_else_is_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="must be scheme and host only, such as https://server.codeium.com"):
        load_settings({"WINDSURF_BASE_URL": given}, tmp_path)


@pytest.mark.parametrize("host", ["server.codeium.com", "127.0.0.1.evil.example", "10.0.0.1", "localhost.example"])
def test_a_key_does_not_travel_in_the_clear(host: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="must be https: .* the service key would travel in the clear"):
        load_settings({"WINDSURF_BASE_URL": f"http://{host}"}, tmp_path)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "clé"])
def test_what_can_be_no_key_is_refused_without_being_repeated(key: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="a blank or a character that no key has") as refused:
        load_settings({"WINDSURF_SERVICE_KEY": key}, tmp_path)
    assert key not in str(refused.value)


def test_the_unit_of_the_consumption_endpoint_is_one_of_two(tmp_path: Path) -> None:
    for unit in ("credits", "hundredths"):
        assert load_settings({"WINDSURF_CONSUMPTION_UNIT": unit}, tmp_path).consumption_unit == unit
    with pytest.raises(BadSetting, match="'acus'; it must be one of credits, hundredths"):
        load_settings({"WINDSURF_CONSUMPTION_UNIT": "acus"}, tmp_path)


def test_the_home_is_the_checkout_where_nothing_was_laid_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_home() == Path(__file__).parents[1]


def test_a_folder_that_was_laid_out_is_the_home_also_beside_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out_folder(tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work" / "notebooks")
    assert find_home() == tmp_path / "work"
    assert load_settings({}).data == tmp_path / "work" / "data"


def test_installed_the_home_is_the_folder_that_was_laid_out_also_from_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home_module, "find_checkout", lambda: None)
    lay_out_folder(tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work" / "notebooks")  # where Jupyter runs a notebook
    assert find_home() == tmp_path / "work"
    monkeypatch.chdir(tmp_path)
    assert find_home() == tmp_path


def test_a_file_env_that_is_not_in_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("# año\n".encode("latin-1"))
    with pytest.raises(BadSetting, match=f"{tmp_path / '.env'} is not in UTF-8; save it so."):
        load_settings({}, tmp_path)


def test_a_data_folder_whose_name_is_not_in_utf_8_is_refused(tmp_path: Path) -> None:
    for environment, home in (({"FLEXLIB_DATA": "/d\udce9"}, tmp_path), ({}, tmp_path / "d\udce9")):
        with pytest.raises(BadSetting, match=r"has a name that is not in UTF-8; rename it, or set FLEXLIB_DATA\.$"):
            load_settings(environment, home)


def test_a_file_that_env_names_is_beside_it_and_one_of_the_environment_where_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".env").write_text("FLEXLIB_BUDGETS=mine/budgets.yaml\nFLEXLIB_ORGANIZATION=people.csv\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = load_settings({"FLEXLIB_ORGANIZATION": "people.csv"}, tmp_path)
    assert found.budgets == tmp_path / "mine" / "budgets.yaml"
    assert found.organization == tmp_path / "elsewhere" / "people.csv"


@pytest.mark.parametrize(
    "name",
    ["params/budgets.yaml", "params/organization.csv", "params/notices.yaml", "params/mail.yaml", ".env", "params"],
)
def test_a_link_that_leads_nowhere_is_told_and_not_taken_for_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to(tmp_path / "not mounted")
    with pytest.raises(BadFile, match=f"^{tmp_path / name} is a link that leads nowhere; mend it, or remove it.$"):
        load_settings({}, tmp_path)


def test_whatever_looks_for_a_file_that_need_not_be_tells_of_such_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("front.chargeback", "front.events"):
        monkeypatch.setattr(f"flexlib.{module}.find_home", lambda: tmp_path)
    looks: dict[str, Callable[[], object]] = {
        "params/month.yaml": lambda: read_plan(tmp_path / "params" / "month.yaml", {}),
        "params/chargeback.yaml": lambda: find_rules(None),
        "params/events.yaml": read_planned,
        "params/budgets.yaml": lambda: load_limits(tmp_path / "params" / "budgets.yaml", is_named=False),
        "prices/windsurf_credits.csv": lambda: load_credit_prices(tmp_path),
        "prices/windsurf_multipliers.csv": lambda: load_multipliers(tmp_path, Month(2025, 9).span),
        "ledger.sqlite": lambda: Settings(tmp_path).has_ledger,
    }
    for name, look in looks.items():
        look()
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(tmp_path / "not mounted")
        with pytest.raises(BadFile, match=f"{name} is a link that leads nowhere"):
            look()
