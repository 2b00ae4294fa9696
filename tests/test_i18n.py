"""Sentences, numbers and dates in the reader's language: the catalogue is whole, and says what Chile says."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from datetime import date, datetime, timezone
from decimal import Decimal
from gettext import GNUTranslations
from pickle import dumps, loads
from threading import Barrier

import pytest
from babel.dates import format_date as write_date
from babel.dates import get_day_names, get_month_names
from babel.lists import format_list
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st
from make_catalogue import (
    MessageId,
    compile_catalogue,
    find_faults,
    find_file,
    list_sentences,
    read_catalogue,
    update_catalogue,
)

from flexlib import formats
from flexlib.cli.main import main
from flexlib.dates import Month, Span
from flexlib.errors import BadFile
from flexlib.i18n import (
    LANGUAGES,
    _,
    find_language,
    join_and,
    join_or,
    speak,
    to_english,
    translate_count,
    use_language,
)
from flexlib.setting_values import read_system_language


@pytest.fixture
def spanish() -> Iterator[None]:
    use_language("es")
    yield
    use_language("en")


OTHERS = LANGUAGES[1:]


def list_pairs(read: GNUTranslations) -> dict[object, str]:
    """What a compiled catalogue holds, besides what made it."""
    return {one: text for one, text in vars(read)["_catalog"].items() if one}


@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_of_code_and_notebooks_is_translated_and_no_other_is_kept(code: str) -> None:
    assert find_faults(read_catalogue(code), list_sentences()) == []


@pytest.mark.parametrize("code", OTHERS)
def test_what_is_read_at_run_time_is_what_the_catalogue_says(code: str) -> None:
    compiled = GNUTranslations(io.BytesIO(compile_catalogue(read_catalogue(code))))
    with find_file(code, "mo").open("rb") as file:
        kept = GNUTranslations(file)
    assert list_pairs(kept) == list_pairs(compiled), "run `make catalogue`"


def test_a_catalogue_that_lacks_something_is_found() -> None:
    sentences: set[MessageId] = {"{people} sailors", ("{count} whale", "{count} whales"), "gone wrong"}
    catalogue = update_catalogue("es", sentences)
    assert find_faults(catalogue, sentences) == [
        "not translated: ('{count} whale', '{count} whales')",
        "not translated: gone wrong",
        "not translated: {people} sailors",
    ]
    catalogue["{people} sailors"].string = "{marinos} marinos"
    catalogue["{count} whale"].string = ("una ballena", "{count} de ballenas", "ballenas")
    catalogue["gone wrong"].string = "salió mal"
    catalogue["gone wrong"].flags.add("fuzzy")
    assert find_faults(catalogue, sentences - {"gone wrong"} | {"new"}) == [
        "not in the catalogue: new",
        "said by nothing any more: gone wrong",
        "does not name ['count'] of many: ('{count} whale', '{count} whales')",
        "a guess: gone wrong",
        "names ['marinos'] for ['people']: {people} sailors",
    ]


def test_without_a_word_of_the_reader_sentences_are_english() -> None:
    assert (find_language(), _("under {number}"), _("")) == ("en", "under {number}", "")
    assert [translate_count("one", "many", count) for count in (0, 1, 2)] == ["many", "one", "many"]


def test_a_block_speaks_its_language_and_the_rest_the_one_before() -> None:
    with speak("es"):
        assert (find_language(), _("under {number}"), _("")) == ("es", "menos de {number}", "")
        assert _("not in the catalogue") == "not in the catalogue"
    assert find_language() == "en"


def test_threads_speak_at_once_each_its_own_language() -> None:
    spoken = Barrier(2, timeout=10)

    def refuse(code: str) -> tuple[str, str]:
        with speak(code):
            spoken.wait()  # both speak now
            error = BadFile(_("under {number}").format(number=formats.format_number(1234)))
            spoken.wait()
        return str(error), error.english

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(refuse, ("es", "en"))) == [
            ("menos de 1.234", "under 1,234"),
            ("under 1,234", "under 1,234"),
        ]
    assert find_language() == "en"


@pytest.mark.usefixtures("spanish")
def test_every_thread_speaks_the_language_of_the_process() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(find_language).result() == "es"


@pytest.mark.usefixtures("spanish")
def test_a_translated_sentence_knows_its_english_whatever_it_is_filled_with() -> None:
    inner = BadFile(_("under {number}").format(number=formats.format_credits(123456)))
    outer = BadFile(_("{name}: {error}").format(name="calls.csv", error=inner))
    assert (str(outer), outer.english) == ("calls.csv: menos de 1.234,56", "calls.csv: under 1,234.56")
    assert copy(inner).english == loads(dumps(inner)).english == "under 1,234.56"
    kept = loads(dumps(_("under {number}")))
    assert (kept, kept.english) == ("menos de {number}", "under {number}")


@pytest.mark.usefixtures("spanish")
def test_numbers_and_dates_are_written_as_people_in_chile_write_them() -> None:
    day = date(2025, 9, 15)
    assert formats.format_money(Decimal("1234568.4"), "CLP") == "1.234.568"
    assert formats.format_money(Decimal("1234.5"), "USD") == "1.234,50"
    assert formats.format_date(day) == "15 sept 2025"
    assert formats.format_day(day) == "15 de septiembre de 2025"
    assert formats.format_span(Month(2025, 9).span) == "septiembre de 2025"
    assert formats.format_span(Span(day, date(2025, 9, 20))) == "15 sept 2025 a 20 sept 2025"
    assert formats.format_moment(datetime(2025, 10, 3, 6, tzinfo=timezone.utc)) == "3 oct 2025, 06:00 UTC"
    assert [formats.format_weekday(date(2025, 9, number)) for number in (3, 6)] == ["mié", "sáb"]
    assert [formats.format_credits(7523450), formats.format_whole_credits(123456)] == ["75.234,50", "1.235"]
    assert [formats.format_share_percent(384), formats.format_change(-12345)] == ["38,4\u00a0%", "−1.234,5\u00a0%"]
    assert formats.format_signed(Decimal("0.001")) == "0,00"
    assert formats.format_amount(Decimal("0.001")) == "< 0,01"
    assert [formats.format_few(0.01), formats.format_few(0.31)] == ["menos de 0,1", "0,3"]
    assert formats.format_duration(1240) == "1,2\u00a0s"
    shorts = [formats.format_short_number(number) for number in (999, 1500, 2e7, 3e9, 4e12)]
    assert shorts == ["999", "1,5\u00a0mil", "20\u00a0M", "3000\u00a0M", "4\u00a0B"]


@pytest.mark.usefixtures("spanish")
def test_months_and_weekdays_are_those_of_the_locale_es_cl() -> None:
    months, short = get_month_names("wide", locale="es_CL"), get_month_names("abbreviated", locale="es_CL")
    days = [date(2025, month, 7) for month in range(1, 13)]
    assert [Month.containing(day).name for day in days] == [months[day.month] for day in days]
    own = [formats.format_short_day(day).removeprefix("7 ") for day in days]
    assert [name[:3] for name in own] == [short[day.month][:3] for day in days]
    assert own[8] == "sept"  # which Chile writes; the locale has "sep" in some editions
    assert [formats.format_day(day) for day in days] == [write_date(day, "long", "es_CL") for day in days]
    week = get_day_names("abbreviated", locale="es_CL")
    assert [formats.format_weekday(date(2025, 9, 1 + place)) for place in range(7)] == [week[one] for one in range(7)]


@given(st.integers(-(10**12), 10**12))
def test_a_number_is_that_of_the_locale_es_cl_and_reads_as_the_same(number: int) -> None:
    with speak("es"):
        assert formats.format_number(number) == format_decimal(number, "#,##0", locale="es_CL")
        assert formats.format_credits(number).replace(".", "").replace(",", "").lstrip("-") == f"{abs(number):03d}"


@pytest.mark.parametrize("names", [(), ("ana",), ("ana", "ben"), ("ana", "ben", "cruz"), tuple("abcd")])
@pytest.mark.parametrize(("code", "locale"), [("en", "en_GB"), ("es", "es_CL")])
def test_a_list_is_joined_as_its_language_does(names: tuple[str, ...], code: str, locale: str) -> None:
    with speak(code):
        both = join_and(names), join_or(iter(names))
        english = [to_english(one) for one in both]
    assert both == tuple(format_list(names, style, locale) for style in ("standard", "or"))
    assert english == [format_list(names, style, "en_GB") for style in ("standard", "or")]


@pytest.mark.parametrize(
    ("last", "both"),
    [("import", "a e import, a o import"), ("«hielo»", "a y «hielo», a o «hielo»"), ("hilo", "a e hilo, a o hilo"),
     ("openai", "a y openai, a u openai"), ("'hoja'", "a y 'hoja', a u 'hoja'"), ("8", "a y 8, a u 8"),
     ("11", "a y 11, a u 11"), ("18", "a y 18, a o 18"), ("ION", "a y ION, a o ION")],
)  # fmt: skip
@pytest.mark.usefixtures("spanish")
def test_in_spanish_no_word_begins_with_the_sound_before_it(last: str, both: str) -> None:
    assert f"{join_and(['a', last])}, {join_or(['a', last])}" == both


def test_what_files_hold_is_the_same_in_every_language() -> None:
    with speak("es"):
        assert formats.format_plain(Decimal("1234.50")) == "1234.5"
        assert formats.format_credits(123456, "") == "1234.56"
        assert str(Month(2025, 9)) == "2025-09"


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({}, "en"),
        ({"LANG": "es_CL.UTF-8"}, "es"),
        ({"LANG": "es"}, "es"),
        ({"LANG": "de_CH.UTF-8"}, "en"),
        ({"LANG": "es_CL.UTF-8", "LC_MESSAGES": "en_US"}, "en"),
        ({"LANG": "en_US", "LC_ALL": "es_ES@euro"}, "es"),
        ({"LANG": "es_CL", "LC_ALL": ""}, "es"),  # empty is not set
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "est"}, "en"),
    ],
)
def test_the_language_is_that_of_the_system(variables: dict[str, str], code: str) -> None:
    assert read_system_language({name: text.replace("@euro", "") for name, text in variables.items()}) == code


def test_an_option_wins_over_the_setting_before_or_after_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, setting, code in (
        (["doctor"], "es", "es"),
        (["--lang", "en", "doctor"], "es", "en"),
        (["doctor", "--lang=es"], "en", "es"),
        (["--lang", "en", "doctor", "--lang", "es"], "en", "es"),
    ):
        monkeypatch.setenv("FLEXLIB_LANG", setting)
        main(words)
        assert find_language() == code, words
    capsys.readouterr()


def test_a_language_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["doctor", "--lang", "de"])
    assert left.value.code == 2
    assert "argument --lang: invalid choice: 'de'" in capsys.readouterr().err
    monkeypatch.setenv("FLEXLIB_LANG", "de")
    assert main(["doctor"]) == 2
    assert capsys.readouterr().err == "flexlib: FLEXLIB_LANG is 'de'; it must be one of en, es.\n"


@pytest.mark.parametrize(("code", "loaded"), [("en", "False False"), ("es", "True False")])
def test_babel_is_loaded_for_nobody_and_the_catalogue_for_who_reads_it(code: str, loaded: str) -> None:
    script = f"""
import sys
from flexlib.cli import main
try:
    main(["--lang", "{code}", "--help"])
except SystemExit:
    print(f"\\n{{'gettext' in sys.modules and bool(sys.modules['flexlib.i18n']._read)}} {{'babel' in sys.modules}}")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == loaded, ran.stderr
