"""A shared site is in the reader's language, also where it names lines of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from spend_samples import SEPTEMBER, call, store

from flexlib.checks import say_unpriced
from flexlib.cli.main import main
from flexlib.i18n import speak


@pytest.mark.parametrize(("language", "said", "unsaid"), [("en", "Small groups", "Grupos pequeños"),
                                                          ("es", "Grupos pequeños", "Small groups")])  # fmt: skip
def test_the_line_of_small_departments_is_named_in_the_reader_s_language_on_all_pages_of_a_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, said: str, unsaid: str
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    store(tmp_path / "data", "import", SEPTEMBER, *(
        call(f"{name}{one}", "2025-09-02", "1.5", usable_type="user", usable_key=f"{name}{one}",
             metadata=f'{{"department": "{name}"}}')
        for name, count in {"Legal": 2, "Sales": 6, "Data": 8}.items() for one in range(count)
    ))  # fmt: skip
    words = ["--lang", language, "--share", "--output", str(tmp_path / "site")]
    assert main(["site", *words]) == 0
    texts = [one.read_text("utf-8") for one in (tmp_path / "site").rglob("*.html")]
    assert [text for text in texts if unsaid in text] == []
    titles = [text for text in texts if f"<title>{said}" in text]
    assert (len(titles), sum(said in text for text in texts)) == (1, 3)  # its page, that of the month, and the first


def test_a_provider_that_nobody_knows_is_told_in_the_reader_s_language() -> None:
    with speak("es"):
        assert say_unpriced("genai-prices 0.2.3 has no price list of unknown") == (
            "genai-prices 0.2.3 no tiene una lista de precios de un proveedor desconocido"
        )
