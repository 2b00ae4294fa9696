"""What is kept of the sums of `fl.load`: what is nobody's, of all rows; and the command that says how much it is."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from redis_server import start_redis
from spend_samples import SEPTEMBER, call, store, store_credits

from flexlib.cli.main import main
from flexlib.errors import BadSetting
from flexlib.front.budget_scope import narrow_spend
from flexlib.front.spend import Spend, load_spend
from flexlib.report.kernel import choose_environment
from flexlib.setting_values import hide_password
from flexlib.settings import Settings, load_settings
from flexlib.spend.billed import SPELLINGS
from flexlib.store import cache
from flexlib.store.budgets import Budget
from flexlib.store.cache_files import FOLDER
from flexlib.store.strays import list_strays


@pytest.fixture(autouse=True)
def _everything_is_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORTH", 0), ("_open", {}), ("_told", set()), ("_chosen", None)):
        monkeypatch.setattr(cache, name, value)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two calls of two makers, one for a customer, and credits of a person."""
    told = {"usable_type": "user", "usable_key": "ana.rojas", "metadata": '{"customer": "Ana Rojas"}'}
    store(tmp_path, "import", SEPTEMBER, call("a", "2025-09-05", "1", **told),
          call("b", "2025-09-06", "2", provider="mistral", model="mistral-large"))  # fmt: skip
    store_credits(tmp_path, (5, "key-ana", "MODEL_X", 0, 100), people={"key-ana": {"email": "ana@acme.example",
                  "name": "Ana Rojas"}})  # fmt: skip
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    return tmp_path


def load(root: Path, **more: Any) -> Spend:  # noqa: ANN401
    return load_spend(SEPTEMBER, None, root, zone="UTC", names=more.pop("names", False), **more)


def test_what_may_be_a_name_is_not_kept(root: Path) -> None:
    for names in (False, True):
        spend = load(root, names=names)
        for keys in (("user",), ("customer",), ("usable_key", "model"), ("model",), ("day",)):
            spend.by(*keys)
    kept = [one.read_text("utf-8") for one in (root / FOLDER).iterdir()]
    assert len(kept) > 4
    assert [text for text in kept if any(name in text for name in ("Ana", "ana", "key-", "user-"))] == []


def test_sums_with_names_and_without_are_one_answer_where_no_key_is_anybody(root: Path) -> None:
    first = load(root).by("model")
    before = {*(root / FOLDER).iterdir()}
    assert load(root, names=True).by("model").equals(first)
    assert {*(root / FOLDER).iterdir()} == before


def test_a_part_of_the_rows_is_not_answered_by_all_of_them(root: Path) -> None:
    spend = load(root, names=True)
    assert spend.by("source")["usd"].sum() == Decimal("3.04")  # the credit is 0.04
    budget = Budget("b", "provider", ("openai",), "usd", Decimal(9), "month", 1, (100,))
    for _time in range(2):
        part = narrow_spend(spend, budget)
        assert part.by("source")[["source", "usd"]].values.tolist() == [["import", Decimal(1)]]


def test_what_an_answer_says_is_a_name_and_never_run(root: Path) -> None:
    """Whoever may write answers may not thereby read other files of whoever asks."""
    spend, said = load(root), "(SELECT content FROM read_text('/etc/hostname'))"
    assert spend.basis is not None
    cache.keep_answer(spend.basis, SPELLINGS, [["openai", "gpt-4o", said]])
    assert said in spend.by("model")["model"].tolist()


def test_nothing_takes_the_answers_for_a_month(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = main(["spend", "--year", "2025", "--month", "9"]), main(["sources"])
    assert (root / FOLDER).is_dir()
    assert (list_strays(root), main(["sources"])) == ([], before[1])
    assert FOLDER not in "".join(capsys.readouterr())


def test_the_command_says_where_and_how_many_and_takes_them_away(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(root / FOLDER)
    assert main(["cache", "status"]) == 0
    assert capsys.readouterr().out == f"{place}: 0 answers, 0 bytes of 67,108,864 at most\n"
    load(root).by("model")
    files = list((root / FOLDER).iterdir())
    assert main(["cache", "status", "--json"]) == 0
    said = {"place": place, "answers": len(files), "bytes": sum(one.stat().st_size for one in files)}
    assert json.loads(capsys.readouterr().out) == {**said, "most_bytes": 67_108_864}
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"{place}: took away {len(files)} answers\n"
    assert main(["cache", "clear", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cleared"] == 0
    monkeypatch.setenv("FLEXLIB_CACHE_URL", "off")
    assert main(["cache", "status"]) == 0
    assert capsys.readouterr().out == "No answers are kept: FLEXLIB_CACHE_URL is off.\n"
    nothing = {"place": None, "answers": 0, "bytes": 0, "most_bytes": 0}
    for action, more in (("status", {}), ("clear", {"cleared": 0})):
        assert main(["cache", action, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == nothing | more


def test_of_a_redis_the_command_says_no_bound_that_it_does_not_keep(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_redis() as url:
        monkeypatch.setenv("FLEXLIB_CACHE_URL", url)
        assert main(["cache", "status"]) == 0
        assert capsys.readouterr().out.endswith(": 0 answers, 0 bytes\n")
        assert main(["cache", "status", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["most_bytes"] is None


def test_a_redis_that_is_away_is_a_sentence_and_a_month_is_shown_all_the_same(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["spend", "--year", "2025", "--month", "9"])
    shown = capsys.readouterr()
    monkeypatch.setenv("FLEXLIB_CACHE_URL", "redis://me:s3cret@127.0.0.1:9/0")
    assert main(["cache", "status"]) == 1
    assert capsys.readouterr().err == "flexlib: redis://127.0.0.1:9/0 cannot be used now (ConnectionError).\n"
    main(["spend", "--year", "2025", "--month", "9"])
    again = capsys.readouterr()
    said = "flexlib: redis://127.0.0.1:9/0 keeps no answers now (ConnectionError): they are computed.\n"
    assert (again.out, again.err.replace(said, "", 1)) == (shown.out, shown.err)


@pytest.mark.parametrize("url", ["redis://cache.example", "rediss://:p%40ss@h:6380/1", "unix:///run/redis.sock", "off"])
def test_where_answers_are_kept_is_a_setting_that_is_not_shown(url: str, tmp_path: Path) -> None:
    settings = load_settings({"FLEXLIB_CACHE_URL": url}, tmp_path)
    assert (settings.cache_url, url in repr(settings)) == (url, False)


@pytest.mark.parametrize(
    "url",
    ["http://h", "redis://", "redis://:s3cret@h/zero", "redis://:s3cret@h:99999", "redis://h?socket_timeout=60", "on",
     "unix://", "redis://[s3cret"],
)  # fmt: skip
def test_what_is_no_redis_is_refused_without_being_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="FLEXLIB_CACHE_URL cannot be read; write it as redis://") as refused:
        load_settings({"FLEXLIB_CACHE_URL": url}, tmp_path)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("unix://me:s3cret@/run/redis.sock", "unix:///run/redis.sock"),
        ("rediss://:s3c%40ret@h:6380/1", "rediss://h:6380/1"),
        ("redis://me:s3cret@[::1]", "redis://[::1]"),
    ],
)
def test_the_url_of_a_redis_is_shown_as_it_was_set_without_its_password(url: str, shown: str) -> None:
    assert hide_password(url) == shown


@pytest.mark.parametrize(("url", "told"), [("off", "off"), ("redis://:s3cret@h/0", ""), (None, "")])
def test_a_notebook_learns_that_nothing_is_kept_and_not_where_a_redis_is(
    url: str | None, told: str, tmp_path: Path
) -> None:
    cache.choose_cache(Settings(tmp_path, cache_url=url).cache_url)
    environment = choose_environment({"FLEXLIB_CACHE_URL": url or ""}, tmp_path)
    assert environment["FLEXLIB_CACHE_URL"] == told
