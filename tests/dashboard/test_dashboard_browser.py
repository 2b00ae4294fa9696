"""The dashboard in a real browser: it loads, is narrowed and compared, leads to rows, is taken along, and lives.

Needs Chromium; where there is none the tests are skipped, unless FLEXLIB_NEED_BROWSER is 1.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from threading import Thread
from zipfile import ZipFile

import pytest
from dashboard_server import PATIENCE, serve_dashboard
from playwright.sync_api import Browser, BrowserContext, BrowserType, Error, Page, ProxySettings, sync_playwright
from report_samples import FIXTURE

from flexlib.ledger import open_ledger, record_many

VIEWER, OWNER = "v" * 20, "o" * 20
IS_DONE = "document.querySelector('.dash-drawn') && !document.querySelector('main[aria-busy]')"
OUTSIDE = """[...document.querySelectorAll("main *")].filter((one) => one.getClientRects().length
  && !one.closest(".flex-scroll, .dash-asked") && one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.tagName + "." + one.className)"""
AXE = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 120)}`)"""
LOSE = """new MutationObserver(() => {
  const said = document.querySelector('script[type$="cell-output+json"]');
  if (!said || said.dataset.lost || !said.textContent.endsWith("}") || (history.state?.tries || 0) >= %d) return;
  said.dataset.lost = "yes";
  said.textContent = said.textContent.replace('"model_id": "', '$&0');
}).observe(document, {childList: true, subtree: true});"""
"""Makes so many pages look for a widget that their kernel does not have."""
VIEWS = (
    "",
    "?by=provider&of=flex_credits&against=2025-08..2025-08",
    "?months=2025-08..2025-09&by=user&is.source=windsurf&rows=yes&lang=es",
    "?live=yes",
    "?by=salary",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browsed")
    shutil.copytree(FIXTURE, folder / "data")
    for name, token in (("viewer", VIEWER), ("owner", OWNER)):
        (folder / name).write_text(token)
    record(folder / "data", "first")
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with serve_dashboard(folder / "data", "--viewers", "50") as url:
        yield url


@pytest.fixture(scope="module")
def playwright_of() -> Iterator[BrowserType]:
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="module")
def browser(playwright_of: BrowserType, chromium: str) -> Iterator[Browser]:
    browser = playwright_of.launch(executable_path=chromium, args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def record(data: Path, name: str) -> None:
    ledger = open_ledger(data=data)
    call = {"usable": ("user", 7), "provider": "openai", "model": "gpt-4o", "task_type": "text", "prompt_tokens": 10,
            "completion_tokens": 5, "request_id": name, "cost": "0.25", "duration_ms": 900, "status": "ok"}  # fmt: skip
    record_many([call], ledger=ledger)
    ledger.close()


def wait(page: Page, truth: str | Callable[[], bool]) -> None:
    """Until it is so. The page's policy lets no text be evaluated in it, so the browser's own waiting is no help."""
    end = time.monotonic() + PATIENCE
    while not (truth() if callable(truth) else is_true(page, truth)):
        assert time.monotonic() < end, f"never: {truth}\n{page.inner_text('body')[:500]}"
        page.wait_for_timeout(20)


def is_true(page: Page, truth: str) -> bool:
    try:
        return bool(page.evaluate(truth))
    except Error as error:
        if "context was destroyed" not in str(error):
            raise
        return False  # the page asks for another kernel


def go(page: Page, address: str) -> None:
    page.goto(address)
    wait(page, IS_DONE)


def choose(page: Page, name: str, option: str) -> None:
    page.get_by_label(name, exact=True).select_option(label=option.replace(" ", "\u00a0"))


def follow(page: Page, link: str) -> None:
    page.locator(link).first.click()
    wait(page, IS_DONE)


def test_the_page_asks_nobody_else_and_breaks_none_of_its_rules(page: Page, url: str) -> None:
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for view in VIEWS[:4]:
        go(page, url + view)
    assert [one for one in asked if not one.startswith((url, "data:"))] == []
    assert [one for one in said if "violates" in one or "Refused" in one or "rror" in one] == []
    assert len(asked) > 20


OWN_QUESTIONS = (
    *("AutofillServerCommunication", "AimEnabled", "PreconnectToSearch", "OptimizationHints"),
    *("NetworkTimeServiceQuerying", "MediaRouter"),
)
"""What Chromium asks by itself. Playwright names all but the first, in a list that a second one takes the place of."""


def test_a_page_that_may_ask_only_through_a_proxy_asks_it_for_nothing(
    playwright_of: BrowserType, chromium: str, url: str
) -> None:
    """Whatever it would ask of anywhere else goes to a server that counts."""
    asked: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(self.path)
            self.send_error(502)

        do_GET = do_POST = do_HEAD = do_CONNECT = answer  # noqa: N815 (the parent's names)

        def log_message(self, *given: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        # The dashboard alone is asked past the proxy, and nothing else of this machine.
        past = f"<-loopback>,{url.removeprefix('http://').rstrip('/')}"
        # A context's own: what the browser asks its maker by itself is not the page's.
        browser = playwright_of.launch(
            executable_path=chromium, args=["--no-sandbox", f"--disable-features={','.join(OWN_QUESTIONS)}"]
        )
        proxy = ProxySettings(server=f"http://127.0.0.1:{server.server_port}", bypass=past)
        context = browser.new_context(proxy=proxy)
        page = context.new_page()
        for elsewhere in ("http://counted.example/", f"http://127.0.0.1:{server.server_port}/counted"):
            page.goto(elsewhere)
            assert [one for one in asked if one.startswith(elsewhere)]  # the proxy counts
        page.close()
        page = context.new_page()
        asked.clear()
        for view in VIEWS[:4]:
            go(page, url + view)
        wait(page, "!!document.querySelector('#table-last')")
        page.wait_for_timeout(1500)  # the running month goes on asking
        browser.close()
        server.shutdown()
    assert asked == []


def test_the_first_view_stands_in_the_page_before_any_script_and_goes_once_the_kernel_has_looked(
    browser: Browser, url: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    assert "401.57" in page.inner_text(".dash-first .flex-headlines")
    assert "The figures are on their way." in page.inner_text("[role=status]")
    context.close()
    page = browser.new_page()
    go(page, url)
    assert page.locator(".dash-first").count() == 0
    assert page.locator("#table-sums").count() == 1
    page.close()


def test_choices_lead_to_what_the_address_says_and_back(page: Page, url: str) -> None:
    go(page, url)
    assert "401.57" in page.inner_text(".flex-headlines")
    choose(page, "By", "Provider")
    wait(page, "document.querySelector('#table-sums th').textContent === 'Provider'")
    choose(page, "In", "Flex credits")
    choose(page, "Against", "August 2025")
    wait(page, "document.querySelector('.flex-headlines').textContent.includes('8,754.00')")
    wait(page, "!!document.querySelector('#chart-sums')")
    assert "+13.8" in page.inner_text(".flex-headlines")
    assert page.url == f"{url}?against=2025-08..2025-08&of=flex_credits&by=provider"
    shown = page.inner_text("#table-sums")
    other = page.context.new_page()
    go(other, page.url)
    assert other.inner_text("#table-sums") == shown
    follow(page, "#table-sums a")
    wait(page, "!!document.querySelector('#table-rows')")
    assert page.inner_text(".dash-chosen") == "Provider: Anthropic ×"
    assert page.evaluate("document.activeElement.tagName") == "H1"  # where the keyboard goes on
    follow(page, ".dash-chosen a")
    assert page.inner_text("#table-sums") == shown
    page.go_back()
    wait(page, "!!document.querySelector('.dash-chosen')")


def test_a_bar_and_a_line_lead_to_their_rows_by_mouse_and_by_keyboard(page: Page, url: str) -> None:
    for by, lead in (("provider", "click"), ("provider", "key"), ("user", "click")):
        go(page, f"{url}?by={by}&of=flex_credits")
        wait(page, "!!document.querySelector('#chart-sums path[role=link]')")
        bar = page.locator("#chart-sums path[role=link]").first
        name = str(bar.get_attribute("aria-label")).rpartition(": ")[0].rpartition(", ")[2]
        if lead == "click":
            bar.dispatch_event("click")
        else:
            bar.focus()
            page.keyboard.press("ArrowRight")
            assert page.evaluate("document.activeElement.getAttribute('tabindex')") == "0"
            name = str(page.evaluate("document.activeElement.getAttribute('aria-label')"))
            name = name.rpartition(": ")[0].rpartition(", ")[2]
            page.keyboard.press("Enter")
        wait(page, "!!document.querySelector('#table-rows')")
        assert page.inner_text(".dash-chosen").rstrip(" ×").endswith(f": {name}")
    go(page, f"{url}?by=provider&of=flex_credits")
    page.locator("#table-sums tbody tr").first.locator("td").last.click()
    wait(page, "!!document.querySelector('#table-rows')")
    assert page.inner_text(".dash-chosen") == "Provider: Anthropic ×"


def test_what_is_shown_is_taken_along_as_csv_and_excel(page: Page, url: str) -> None:
    go(page, f"{url}?by=provider&of=flex_credits")
    with page.expect_download() as taken:
        page.get_by_role("link", name="CSV").first.click()
    lines = Path(taken.value.path()).read_text("utf-8").splitlines()
    assert lines[0] == "provider,flex_credits,share,requests,total_tokens"
    assert lines[1] == "Anthropic,6430.00,64.6,551,791037"
    with page.expect_download() as taken:
        page.get_by_role("link", name="Excel").first.click()
    with ZipFile(BytesIO(Path(taken.value.path()).read_bytes())) as book:
        assert "6430" in book.read("xl/worksheets/sheet2.xml").decode()


def test_a_recorded_call_shows_without_a_reload_and_a_lost_ledger_comes_back(
    page: Page, url: str, folder: Path
) -> None:
    go(page, f"{url}?live=yes")
    wait(page, "!!document.querySelector('#table-last')")
    before = page.locator("#table-last tbody tr").count()
    record(folder / "data", "second")
    wait(page, lambda: page.locator("#table-last tbody tr").count() == before + 1)
    assert "Looked" in page.inner_text(".dash-age")
    (folder / "data" / "ledger.sqlite").rename(folder / "away")
    wait(page, "!!document.querySelector('.dash-stale')")
    assert "There is no ledger in" in page.inner_text("[role=alert]")
    assert page.locator("#table-last tbody tr").count() == before + 1
    (folder / "away").rename(folder / "data" / "ledger.sqlite")
    wait(page, "document.querySelector('.dash-live') && !document.querySelector('.dash-stale')")
    record(folder / "data", "third")
    wait(page, lambda: page.locator("#table-last tbody tr").count() == before + 2)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_and_nothing_is_cut(width: int, scheme: str, browser: Browser, url: str) -> None:
    axe = (files("axe_core_python") / "axe.min.js").read_text("utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    found = {}
    for view in VIEWS:
        page = context.new_page()
        go(page, url + view)
        wait(page, "!document.querySelector('.dash-form').getClientRects().length || !!document.querySelector('h1')")
        context.new_cdp_session(page).send("Runtime.evaluate", {"expression": axe})
        found[view] = (page.evaluate(AXE), page.evaluate(OUTSIDE))
        page.close()
    context.close()
    assert found == {view: ([], []) for view in VIEWS}


def test_the_page_speaks_spanish_and_says_so(page: Page, url: str) -> None:
    go(page, url)
    follow(page, ".dash-bar a[lang=es]")
    wait(page, "document.documentElement.lang === 'es'")
    assert page.get_by_label("Desde").is_visible()
    assert "septiembre de 2025" in page.inner_text("h1")
    assert page.inner_text("#table-sums tfoot td") == "En total, al menos"


@pytest.mark.parametrize(("lost", "said"), [(1, "September 2025"), (9, "could not be")])
def test_a_page_whose_widgets_are_not_found_asks_other_kernels_and_says_so_in_the_end(
    lost: int, said: str, page: Page, url: str
) -> None:
    page.add_init_script(LOSE % lost)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.is_navigation_request() else None)
    least = min(lost, 3) + 1
    page.goto(url)
    wait(page, lambda: len(asked) >= least)
    wait(page, IS_DONE if lost == 1 else "!document.querySelector('main[aria-busy]')")
    assert said in page.inner_text("main")
    assert least <= len(asked) <= 4  # on a busy machine a page may not find them by itself, for which this is made


@pytest.mark.parametrize(("query", "said"), [
    ("?by=salary", "by=salary is nothing that a view can have"),
    ("?months=2024-01..2024-01", "Nothing of 2024-01 is stored in"),
])  # fmt: skip
def test_what_cannot_be_shown_is_said_in_a_sentence_with_a_way_back(
    query: str, said: str, page: Page, url: str
) -> None:
    go(page, url + query)
    wait(page, "!!document.querySelector('.flex-alert')")
    assert said in page.inner_text(".flex-alert")
    follow(page, ".dash-shown p a")
    wait(page, "!!document.querySelector('#table-sums')")


def test_names_are_for_the_administrator_s_token_alone(browser: Browser, folder: Path) -> None:
    options = ("--token-file", str(folder / "viewer"), "--administrator-token-file", str(folder / "owner"))
    shown = {}
    with serve_dashboard(folder / "data", *options) as url:
        for token in (VIEWER, OWNER):
            context = browser.new_context()
            page = context.new_page()
            go(page, f"{url}?token={token}")
            assert page.url == url  # the token is in no history
            choose(page, "By", "Person")
            wait(page, "document.querySelector('#table-sums th').textContent === 'Person'")
            shown[token] = page.inner_text("#table-sums")
            context.close()
        stranger = browser.new_context().new_page()
        stranger.goto(url)
        assert "This dashboard is shown to those who bring its token" in stranger.inner_text("main")
    assert "Person " in shown[VIEWER]
    assert "@" not in shown[VIEWER]
    assert "Person " not in shown[OWNER].replace("Person\t", "")
