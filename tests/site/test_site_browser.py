"""The site in a real browser, from the disk: nothing is cut, axe finds nothing, and the search finds.

Needs Chromium; where there is none the tests are skipped, unless FLEXLIB_NEED_BROWSER is 1.
"""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from report_samples import FIXTURE

from flexlib.cli import main

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1400,1200")
PAGES = ("index.html", "2025-09/index.html", "models/o3.html", "departments/platform.html")
WIDTHS = (1180, 1000, 800, 390)
SCROLLED = {"index.html 800": ["The months"]}
"""The tables that are wider than their frame, by page and width: they scroll in it, and the page does not."""

# Runs in each page once it is drawn.
LOOK = """
<script>{axe}</script>
<script>
addEventListener("load", async () => {{
  document.querySelectorAll("details").forEach((one) => one.open = true);
  const isOut = (box) => box.right > innerWidth + 1 || box.left < -1;
  const outside = [...document.querySelectorAll("body *")].filter((one) => one.getClientRects().length
    && !one.closest(".flex-scroll") && isOut(one.getBoundingClientRect()));
  const cut = [...document.querySelectorAll(".flex-scroll")].filter((one) => one.scrollWidth > one.clientWidth + 1);
  const found = (await axe.run(document, {{resultTypes: ["violations"]}})).violations;
  parent.postMessage(JSON.stringify({{
    name: "{name}",
    axe: found.map((one) => `${{one.id}}: ${{one.nodes[0].html.slice(0, 120)}}`),
    outside: outside.map((one) => one.tagName + " " + one.className),
    cut: cut.map((one) => one.getAttribute("aria-label")),
    overlapping: [...document.querySelectorAll(".flex-headlines dd")].filter(
      (one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent),
  }}), "*");
}});
</script>
"""
FRAMES = """<!doctype html>
<meta name="color-scheme" content="light dark">
<script>addEventListener("message", (sent) => document.getElementById("found").append(sent.data + "\\n"));</script>
<pre id="found"></pre>
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browsed")
    roster = folder / "people.csv"
    users = sorted({key for one in FIXTURE.rglob("people.json") for key in json.loads(one.read_text("utf-8"))})
    names = ("Platform", "A department with a very long name")
    lines = [f"{user},user,{names[place % 2]}" for place, user in enumerate(users)]
    roster.write_text("\n".join(["who,kind,department", *lines]), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLEXLIB_DATA", str(FIXTURE))
        assert main(["site", "--output", str(folder), "--reports", str(folder), "--roster", str(roster)]) == 0
    return folder / "demo"


def browse(chromium: str, folder: Path, *words: str) -> str:
    """The page's elements once its scripts have run."""
    command = [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=60000", "--dump-dom"]
    return subprocess.run([*command, *words], capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.parametrize("flags", [(), ("--blink-settings=preferredColorScheme=0",)], ids=["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_cut_wide_or_on_a_phone(
    flags: tuple[str, ...], site: Path, chromium: str, tmp_path: Path
) -> None:
    axe = (files("axe_core_python") / "axe.min.js").read_text("utf-8").replace("</script", "<\\/script")
    frames = [FRAMES]
    for page in PAGES:
        for width in WIDTHS:
            name = f"{page} {width}"
            copy = tmp_path / f"{name.replace('/', '_')}.html"
            text = (site / page).read_text("utf-8").replace("</body>", f"{LOOK.format(axe=axe, name=name)}</body>")
            copy.write_text(text.replace("style-src", "script-src 'unsafe-inline'; style-src", 1), "utf-8")
            frames.append(f'<iframe src="{copy.name}" width="{width}" height="900" style="border:0"></iframe>')
    (tmp_path / "frames.html").write_text("\n".join(frames), "utf-8")
    dom = browse(chromium, tmp_path, *flags, (tmp_path / "frames.html").as_uri())
    told = re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)
    assert told is not None
    found: list[dict[str, Any]] = [json.loads(line) for line in unescape(told[1]).splitlines() if line]
    names = [f"{page} {width}" for page in PAGES for width in WIDTHS]
    assert {one.pop("name"): one for one in found} == {
        name: {"axe": [], "outside": [], "cut": SCROLLED.get(name, []), "overlapping": []} for name in names
    }


@pytest.mark.parametrize(("words", "titles"), [
    ("sept", ["September 2025"]),
    ("CLAUDE%203.7%20th%C3%ADnking", ["Claude 3.7 Sonnet Thinking"]),  # whatever the accents
    ("nowhere", []),
])  # fmt: skip
def test_the_search_works_from_the_disk_under_the_page_s_own_policy(
    words: str, titles: list[str], site: Path, chromium: str, tmp_path: Path
) -> None:
    dom = browse(chromium, tmp_path, f"{(site / 'index.html').as_uri()}#q={words}")
    found = re.search(r'<p role="status">(.*?)</p><ul class="flex-found">(.*?)</ul>', dom, re.DOTALL)
    assert found is not None
    assert re.findall(r'<a href="[^"]+">(.*?)</a>', found[2]) == titles
    assert found[1] == ("One page is found." if titles else "Nothing is found.")
