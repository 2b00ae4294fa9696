"""The page in a real browser: on a phone, in the dark, on paper, and without a single request to anybody.

Needs Chromium; where there is none the tests are skipped, unless FLEXLIB_NEED_BROWSER is 1.
"""

from __future__ import annotations

import http.server
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any

import nbformat
import pytest
from harness import Answer, Request, serve
from PIL import Image
from report_samples import FIXTURE, THINKING, store_month
from spend_samples import AUGUST, SEPTEMBER, call, store

from flexlib.cli.main import main
from flexlib.front.chargeback import charge_month
from flexlib.front.chargeback_rules import read_rules
from flexlib.front.spend import load_spend
from flexlib.home import find_home
from flexlib.page.chargeback import heading_for_charges
from flexlib.page.kit.markup import POLICY
from flexlib.page.kit.parts import show_cards, show_section
from flexlib.page.kit.theme import DARK, LIGHT, render_page_style
from flexlib.report.letters import render_pieces
from flexlib.report.offline import find_loaded
from flexlib.report.parameters import check_request
from flexlib.report.run import render_notebook, run_report
from flexlib.tables.chargeback import table_charges

MONTH = {"year": 2025, "month": 9}

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--window-size=1400,1200",
]

# Runs in the browser once the page is drawn: what a person would see, as JSON.
PROBE = """
<script>
addEventListener("load", () => {
  const seen = (one) => one.getClientRects().length > 0;
  const boxed = (one) => one.closest(".flex-scroll");
  const letters = [...document.querySelectorAll("svg text")].filter(seen);
  const shown = (selector) => [...document.querySelectorAll(selector)].filter(seen).length;
  const scale = (text) => {
    const chart = text.ownerSVGElement;
    return chart.getBoundingClientRect().width / chart.viewBox.baseVal.width;
  };
  const isOut = (box) => box.right > innerWidth + 1 || box.left < -1;
  const touches = (one) => {
    const [words, next] = [document.createRange(), one.parentElement.nextElementSibling?.getBoundingClientRect()];
    words.selectNodeContents(one);
    return next && next.top < one.getBoundingClientRect().top && words.getBoundingClientRect().right > next.left - 8;
  };
  const wide = [...document.querySelectorAll("body *")].filter(
    (one) => seen(one) && !boxed(one) && isOut(one.getBoundingClientRect()));
  const result = {
    window: innerWidth,
    page: document.documentElement.scrollWidth,
    outside: wide.map((one) => one.tagName + " " + (one.getAttribute("class") || one.textContent.slice(0, 40))),
    smallest_letter: Math.min(...letters.map((text) => parseFloat(getComputedStyle(text).fontSize) * scale(text))),
    wide_charts: shown("svg.wide"),
    narrow_charts: shown("svg.narrow"),
    paper: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
    chart_ink: [...new Set(letters.map((text) => getComputedStyle(text).fill))],
    bars: [...new Set([...document.querySelectorAll("svg.wide path")].map((path) => getComputedStyle(path).fill))],
    cut: [...document.querySelectorAll(".flex-scroll")].filter(seen)
      .filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.getAttribute("aria-label")),
    overlapping: [...document.querySelectorAll(".flex-headlines dd")].filter(
      (one) => one.scrollWidth > one.clientWidth + 1 || touches(one)).map((one) => one.textContent),
    totals: [...document.querySelectorAll("td.kept")].filter((one) => {
      const [box, frame] = [one, boxed(one)].map((each) => each.getBoundingClientRect());
      return box.left >= frame.left && box.right <= frame.right + 1;
    }).map((one) => one.textContent),
    requests: performance.getEntriesByType("resource").map((entry) => entry.name),
  };
  parent.postMessage(JSON.stringify(result), "*");
});
</script>
"""

# A window of Chromium is never narrower than 500 pixels; a frame is as narrow as a phone.
FRAME = """<!doctype html>
<meta name="color-scheme" content="light dark">
<pre id="probe"></pre>
<script>addEventListener("message", (sent) => document.getElementById("probe").append(sent.data));</script>
"""
ONE_FRAME = '<iframe src="{page}" width="{width}" height="1000" style="border:0"></iframe>\n'

Probe = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_report(check_request("flex_credits", MONTH), tmp_path_factory.mktemp("reports"), FIXTURE)


@pytest.fixture(scope="module")
def gap_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month with everything long in it: a gap, names of models, large numbers."""
    folder = tmp_path_factory.mktemp("gap")
    rows = [(day, f"user-{day:02}", f"a-model-with-a-very-long-name-{day}", 10**6, 10**8) for day in range(1, 31)]
    store_month(folder, [*rows, (1, "ana", THINKING, 0, 123_456_789)], users_failed=1, failed_users=("cy",))
    return run_report(check_request("flex_credits", MONTH), folder / "reports", folder)


@pytest.fixture(scope="module")
def spend_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of calls with everything long in it: amounts of 15 digits in pesos, names of models, users, statuses."""
    folder = tmp_path_factory.mktemp("spend")
    for month, usd in ((SEPTEMBER, "123456789.1234"), (AUGUST, "100000000")):
        calls = [
            call(
                f"{month}-{number}",
                f"{month}-{1 + number % 30:02}T12:00",
                usd if number % 7 else None,
                prompt_tokens=10**12,
                total_tokens=10**12,
                amount_in_clp=Decimal("9999999999999.12") if number % 7 else None,
                model=f"accounts/fireworks/models/a-very-long-name-of-a-model-{number % 15}-instruct",
                provider=("anthropic", "openai")[number % 2],
                usable_type="an-application-with-a-long-name",
                usable_id=number % 20,
                status=("ok", "a_long_status_that_is_an_error")[number % 5 == 0],
            )
            for number in range(120)
        ]
        store(folder, "ledger", month, *calls)
    return run_report(check_request("llm_usage", MONTH), folder / "reports", folder)


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one department with a long name is charged for: large amounts, a pool of each rule, a tax."""
    folder, name = tmp_path_factory.mktemp("letter"), "Investigación y Desarrollo de Productos Digitales"
    said = json.dumps({"department": name})
    calls = [call(f"{number}", "2025-09-02T10:00", usd, metadata=said, usable_type="user", usable_id=number,
                  amount_in_clp=Decimal("9999999999.12"), model=f"a-very-long-name-of-a-model-{number}-instruct")
             for number, usd in enumerate(["123456789.1234", "98765432.1", None])]  # fmt: skip
    store(folder / "data", "ledger", SEPTEMBER, *calls)
    (folder / "rules.yaml").write_text(
        "pools:\n  - {name: seats, usd_a_seat: '30', seats: 40, rule: head, from: 2025-09-16}\n"
        "  - {name: gateway, usd: '90', rule: use}\n  - {name: pool, usd: '90', rule: equal}\n"
        "taxes:\n  - {name: IVA, percent: '19'}\n"
    )
    words = ["--per", "department", "--rules", str(folder / "rules.yaml"), "--output-dir", str(folder), "--with-total"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLEXLIB_DATA", str(folder / "data"))
        assert main(["chargeback", "--year", "2025", "--month", "9", *words]) in (0, 3)
    (found,) = (folder / "2025-09" / "chargeback").glob("*.html")
    return found


@pytest.mark.parametrize("width", [1180, 390])
def test_of_a_letter_nothing_is_wider_than_the_window_or_cut(letter: Path, probe: Probe, width: int) -> None:
    seen = probe(letter, width)
    assert {name: seen[name] for name in ("outside", "cut", "overlapping", "requests")} == {
        "outside": [], "cut": [], "overlapping": [], "requests": [],
    }  # fmt: skip


def test_what_a_line_of_a_chargeback_comes_to_is_in_sight_on_a_phone_though_its_items_are_scrolled(
    tmp_path: Path, probe: Probe
) -> None:
    names = ("Investigación y Desarrollo", "Legal")
    calls = [call(name, "2025-09-02T10:00", "11111.11", metadata=json.dumps({"department": name})) for name in names]
    store(tmp_path / "data", "ledger", SEPTEMBER, *calls)
    pools = "".join(f"  - {{name: a pool with a name {number}, usd: '30000', rule: equal}}\n" for number in range(6))
    (tmp_path / "rules.yaml").write_text(f"pools:\n{pools}", "utf-8")
    spend = load_spend(SEPTEMBER, None, tmp_path / "data", zone="UTC", names=False)
    made = charge_month(spend, "department", read_rules(tmp_path / "rules.yaml"))
    section = show_section(heading_for_charges(made), table_charges(made.lines, made.items, made.level))
    (tmp_path / "page.html").write_text(render_pieces([section]), "utf-8")
    seen = probe(tmp_path / "page.html", 390)
    assert len(seen["cut"]) == 1  # it is wider than a phone
    assert seen["totals"] == ["101,111.11", "101,111.11", "202,222.22"]


@pytest.mark.parametrize("width", [1180, 390])
def test_of_a_page_on_spend_nothing_is_cut_and_no_figure_reaches_into_the_next(
    spend_page: Path, probe: Probe, width: int
) -> None:
    seen = probe(spend_page, width)
    assert {name: seen[name] for name in ("outside", "cut", "overlapping", "requests")} == {
        "outside": [], "cut": [], "overlapping": [], "requests": [],
    }  # fmt: skip
    assert (seen["window"], seen["page"] <= width) == (width, True)
    assert seen["smallest_letter"] >= 9.5


@pytest.mark.parametrize("width", [1180, 390])
@pytest.mark.parametrize("figure", ["US$ 54,510.40", "US$ 154,510.40", "US$ 1,154,510.40", "$ 999,999,999,999"])
def test_a_headline_never_touches_the_next(page: Path, probe: Probe, tmp_path: Path, figure: str, width: int) -> None:
    cards = show_cards([("Highest month", figure, "September 2025")] * 5).render_html()
    text = re.sub(r'<dl class="flex-headlines">.*?</dl>', lambda _: cards, page.read_text("utf-8"), flags=re.DOTALL)
    (tmp_path / "cards.html").write_text(text, "utf-8")
    seen = probe(tmp_path / "cards.html", width)
    assert (figure in text, seen["overlapping"]) == (True, [])


def browse(chromium: str, folder: Path, *words: str) -> str:
    """Chromium's standard output, in a profile of its own."""
    command = [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture
def probe(chromium: str, tmp_path: Path) -> Probe:
    """Opens a page at a width, with more flags, and tells what a person would see."""

    def run(page: Path, width: int, *flags: str) -> dict[str, Any]:
        (seen,) = look(chromium, tmp_path, page, [width], *flags)
        return seen

    return run


def look(chromium: str, folder: Path, page: Path, widths: Sequence[int], *flags: str) -> list[dict[str, Any]]:
    """What a person would see of a page at each width, narrow ones first; in one browser."""
    copy, frame = folder / "probe.html", folder / "frame.html"
    probed = page.read_text("utf-8").replace("</body>", f"{PROBE}</body>")
    copy.write_text(probed.replace("style-src", "script-src 'unsafe-inline'; style-src", 1), "utf-8")
    frames = (ONE_FRAME.format(page=copy.as_uri(), width=width) for width in widths)
    frame.write_text(FRAME + "".join(frames), "utf-8")
    dom = browse(chromium, folder, *flags, "--virtual-time-budget=5000", "--dump-dom", frame.as_uri())
    found = re.search(r'<pre id="probe">(.+?)</pre>', dom, re.DOTALL)
    assert found, "the page did not come up"
    seen = json.loads("[" + unescape(found[1]).replace("}{", "},{") + "]")
    return sorted(seen, key=lambda one: int(one["window"]))


# Runs axe-core over the page with all that can be opened open, and tells what breaks one of its rules, and where.
AUDIT = """
<script>{axe}</script>
<script>
addEventListener("load", async () => {{
  document.querySelectorAll("details").forEach((one) => one.open = true);
  const found = (await axe.run(document, {{resultTypes: ["violations"]}})).violations;
  const told = found.map((one) => `${{one.id}} (${{one.impact}}): ${{one.nodes[0].html.slice(0, 120)}}`);
  parent.postMessage(JSON.stringify({{[{name!r}]: told}}), "*");
}});
</script>
"""


@pytest.mark.parametrize("flags", [(), ("--blink-settings=preferredColorScheme=0",)], ids=["light", "dark"])
def test_axe_finds_nothing_on_any_page(
    flags: tuple[str, ...], gap_page: Path, spend_page: Path, letter: Path, chromium: str, tmp_path: Path
) -> None:
    axe = (files("axe_core_python") / "axe.min.js").read_text("utf-8").replace("</script", "<\\/script")
    made = {"a gap": gap_page, "long names": spend_page, "a letter": letter}
    pages = {name: page.read_text("utf-8") for name, page in made.items()}
    for notebook in sorted((find_home() / "notebooks").glob("*.ipynb")):  # with the outputs that are stored
        pages[notebook.stem] = render_notebook(nbformat.read(notebook, 4))  # type: ignore[no-untyped-call]
    frames = [FRAME]
    for place, (name, text) in enumerate(pages.items()):
        audited = text.replace("</body>", f"{AUDIT.format(axe=axe, name=name)}</body>")
        file = tmp_path / f"{place}.html"
        file.write_text(audited.replace("style-src", "script-src 'unsafe-inline'; style-src", 1), "utf-8")
        frames.append(f'<iframe src="{file.name}" width="1180" height="1000" style="border:0"></iframe>')
    (tmp_path / "frames.html").write_text("\n".join(frames), "utf-8")
    dom = browse(chromium, tmp_path, *flags, "--virtual-time-budget=60000", "--dump-dom", f"{tmp_path}/frames.html")
    told = re.search(r'<pre id="probe">(.+?)</pre>', dom, re.DOTALL)
    assert told, "no page came up"
    found = json.loads("[" + unescape(told[1]).replace("}{", "},{") + "]")
    assert {name: faults for one in found for name, faults in one.items()} == dict.fromkeys(pages, [])


def as_rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))})"


@pytest.mark.parametrize("month", ["page", "gap_page", "spend_page", "letter"])
def test_nothing_is_wider_than_the_window(
    request: pytest.FixtureRequest, chromium: str, tmp_path: Path, month: str
) -> None:
    widths = [320, 390, 500, 760, 800, 1000, 1180, 1600]
    found = look(chromium, tmp_path, request.getfixturevalue(month), widths)
    assert [one["window"] for one in found] == widths
    assert {one["window"]: (one["outside"], one["overlapping"]) for one in found} == dict.fromkeys(widths, ([], []))
    assert [one["window"] for one in found if one["page"] > one["window"]] == []


# Tables in frames of 300 pixels: one that fits, one that does not, and the same scrolled to its end.
FRAMED = """<!doctype html>
<style>{style} body {{ margin: 0 }} .flex-scroll {{ width: 300px }} .flex-table {{ height: 100px }}</style>
<div class="flex-scroll"><table class="flex-table"><tr><td>a</td></tr></table></div>
{wide}
{wide}
<script>[...document.querySelectorAll(".flex-scroll")].at(-1).scrollLeft = 1000</script>
"""
WIDE = '<div class="flex-scroll"><table class="flex-table" style="width: 700px"><tr><td>a</td></tr></table></div>'


@pytest.mark.parametrize("dark", [(), ("--blink-settings=preferredColorScheme=0",)], ids=["light", "dark"])
def test_a_frame_has_a_shadow_at_its_edge_only_while_more_of_its_table_is_beyond(
    dark: tuple[str, ...], chromium: str, tmp_path: Path
) -> None:
    page, shot = tmp_path / "framed.html", tmp_path / "framed.png"
    page.write_text(
        FRAMED.format(style=f"{render_page_style()} body {{ background: var(--flex-paper) }}", wide=WIDE), "utf-8"
    )
    browse(chromium, tmp_path, *dark, "--default-background-color=00000000", f"--screenshot={shot}", page.as_uri())
    with Image.open(shot) as picture:
        edges = [picture.convert("RGBA").getpixel((299, top)) for top in (50, 150 + 20, 250 + 40)]
    paper = (DARK if dark else LIGHT)["paper"]
    red, green, blue = (int(paper[place : place + 2], 16) for place in (1, 3, 5))
    assert [edge == (red, green, blue, 255) for edge in edges] == [True, False, True]


@pytest.mark.parametrize("month", ["page", "spend_page"])
def test_each_heading_of_a_table_says_something_and_each_box_that_scrolls_has_a_name_of_its_own(
    request: pytest.FixtureRequest, month: str
) -> None:
    html = request.getfixturevalue(month).read_text("utf-8")
    assert [head for head in re.findall(r"<th\b[^>]*>(.*?)</th>", html) if not head] == []
    names = re.findall(r'role="region" aria-label="([^"]+)"', html)
    assert len(set(names)) == len(names) > 3


def test_letters_of_charts_can_be_read_on_a_phone_and_on_a_desk(page: Path, probe: Probe) -> None:
    assert probe(page, 390)["smallest_letter"] >= 9.5
    assert probe(page, 1180)["smallest_letter"] >= 9.5


def test_a_phone_shows_the_charts_that_were_drawn_for_it(page: Path, probe: Probe) -> None:
    phone, desk = probe(page, 390), probe(page, 1180)
    assert (phone["wide_charts"], phone["narrow_charts"]) == (0, 3)
    assert (desk["wide_charts"], desk["narrow_charts"]) == (3, 0)


def test_dark_is_dark_and_charts_follow(page: Path, probe: Probe) -> None:
    light, dark = probe(page, 1180), probe(page, 1180, "--blink-settings=preferredColorScheme=0")
    assert (light["paper"], light["ink"]) == (as_rgb(LIGHT["paper"]), as_rgb(LIGHT["ink"]))
    assert (dark["paper"], dark["ink"]) == (as_rgb(DARK["paper"]), as_rgb(DARK["ink"]))
    assert {as_rgb(LIGHT["soft"]), as_rgb(LIGHT["ink"])} <= set(light["chart_ink"])
    assert {as_rgb(DARK["soft"]), as_rgb(DARK["ink"])} <= set(dark["chart_ink"])
    assert as_rgb(LIGHT["blue1"]) in light["bars"]
    assert as_rgb(DARK["blue1"]) in dark["bars"]
    assert as_rgb(LIGHT["blue1"]) not in dark["bars"]


@contextmanager
def listen() -> Iterator[tuple[str, list[str]]]:
    """A proxy for all traffic of the browser: its address, and what it was asked for. It answers nothing."""
    asked: list[str] = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_CONNECT = do_POST = do_GET  # noqa: N815  as the standard library spells it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


def test_opening_the_page_asks_nobody_for_anything(page: Path, chromium: str, tmp_path: Path, probe: Probe) -> None:
    assert probe(page, 1180)["requests"] == []
    calling = tmp_path / "calling.html"
    calling.write_text('<!doctype html><img alt="" src="http://example.invalid/x.png">')
    with listen() as (proxy, asked):
        flags = (f"--proxy-server={proxy}", "--proxy-bypass-list=<-loopback>", "--dump-dom")
        browse(chromium, tmp_path, *flags, page.as_uri())
        silent = [path for path in asked if "example.invalid" in path]
        browse(chromium, tmp_path, *flags, calling.as_uri())
        assert silent == []
        # The same browser does tell this proxy when a page calls home.
        assert "http://example.invalid/x.png" in asked


CALLS = {
    "img": '<img alt="" src="{}">',
    "srcset": '<img alt="" srcset="{} 1x">',
    "onerror": "<img alt='' src='x:' onerror=\"fetch('{}')\">",
    "refresh": '<meta http-equiv="refresh" content="0;url={}">',
    "css": "<p style=\"background: url('{}')\">x</p>",
    "escaped": "<p style=\"background: \\75 rl('{}')\">x</p>",
    "image-set": "<p style=\"background: image-set('{}' 1x)\">x</p>",
    "import": '<style>@import "{}";</style>',
    "escaped-import": '<style>@\\69mport "{}";</style>',
    "svg-import": '<svg><style>@im&#112;ort "{}";</style></svg>',
    "svg-image": '<svg width="9" height="9"><image width="9" height="9" href="{}"/></svg>',
    "svg-use": '<svg width="9" height="9"><use href="{}#a"/></svg>',
    "script": "<script>fetch('{}')</script>",
    "frame": '<iframe src="{}"></iframe>',
    "link": '<link rel="stylesheet" href="{}">',
    "prefetch": '<link rel="prefetch" href="{}">',
    "comment": '<!-- --!><img alt="" src="{}"> -->',
    "video": '<video poster="{}"></video>',
    "object": '<object data="{}"></object>',
}
"""Ways in which a page calls home; {} is the address."""


def test_a_page_with_anything_in_it_asks_nobody_and_is_refused_before(
    page: Path, chromium: str, tmp_path: Path
) -> None:
    """Each way reaches a server without our policy, and none with it; and the guard does not let any of them pass."""
    text = page.read_text("utf-8")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    assert text.count(policy) == 1
    assert text.index(policy) < text.index("<style")

    asked: list[str] = []

    def note(request: Request) -> Answer:
        asked.append(request.path)
        return Answer(headers={"Content-Type": "text/plain"})

    with serve(note) as url:
        for how, head in {"with": text, "without": text.replace(policy, "")}.items():
            for name, piece in CALLS.items():
                calling = head[: head.index("<main>")] + piece.format(f"{url}/{how}/{name}")
                assert find_loaded(calling), name
                (tmp_path / f"{how}-{name}.html").write_text(calling, "utf-8")
        frames = "".join(f'<iframe src="{how}-{name}.html"></iframe>' for how in ("with", "without") for name in CALLS)
        (tmp_path / "frames.html").write_text(f"<!doctype html>{frames}", "utf-8")
        browse(chromium, tmp_path, "--timeout=5000", "--dump-dom", (tmp_path / "frames.html").as_uri())
    # No policy stops a page from leading elsewhere: that one is the guard's alone.
    assert {path for path in asked if path.startswith("/with/")} <= {"/with/refresh"}
    # The same browser does ask where there is no policy.
    assert {path.removeprefix("/without/") for path in asked} >= CALLS.keys() - {"prefetch", "svg-use"}


def test_it_prints_on_a_few_pages_of_a4_in_light_colours(page: Path, chromium: str, tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    dark = "--blink-settings=preferredColorScheme=0"
    browse(chromium, tmp_path, dark, "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    text = paper.read_bytes()
    assert text.startswith(b"%PDF-")
    sizes = {tuple(round(float(n)) for n in size.split()) for size in re.findall(rb"/MediaBox \[([^\]]+)\]", text)}
    assert sizes == {(0, 0, 595, 842)}
    assert 2 <= len(re.findall(rb"/Type /Page\b", text)) <= 4


def test_a_letter_prints_on_one_page_of_a4(letter: Path, chromium: str, tmp_path: Path) -> None:
    paper = tmp_path / "letter.pdf"
    browse(chromium, tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={paper}", letter.as_uri())
    text = paper.read_bytes()
    assert b"/MediaBox [0 0 594.95996 841.91998]" in text or b"/MediaBox [0 0 595" in text
    assert len(re.findall(rb"/Type /Page\b", text)) == 1
