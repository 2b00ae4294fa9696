"""`make bench-dashboard`: how long somebody waits for the dashboard, in a real browser without a window.

24 months of 6,000 people in 40 departments, with as many calls as are asked for in all. A page is timed from the moment
at which it is asked for, a choice or a link from the click, each until the figures stand there and until the picture
does, too. Beside each group the yardsticks of the same run: the same sums by `fl.load(...).by(...)` in a process of its
own, and by DuckDB alone over the same files. Memory is the PSS of a viewer's kernel: shared pages count in part.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import psutil  # type: ignore[import-untyped]  # it has none
from bench_site import MONTHS
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from dashboard_server import find_kernel, serve_dashboard  # noqa: E402

ROUNDS = 3
FIRST, FILTER = 2.0, 0.3
"""Seconds that are wanted: of the first view of a waiting kernel, and of each filter."""
ACT = """async ([kind, name, option]) => {
  const find = (at) => document.querySelector(at), pause = () => new Promise((done) => setTimeout(done, 2));
  const before = find(".dash-shown") ? find(".dash-shown").dataset.view : null;
  let begun = performance.now(), figures = null;
  if (kind === "choose") {
    const label = [...document.querySelectorAll(".dash-form label")].find((one) => one.textContent === name);
    const select = document.getElementById(label.htmlFor), plain = (text) => text.replaceAll("\\u00a0", " ");
    select.value = [...select.options].find((one) => plain(one.textContent) === option).value;
    select.dispatchEvent(new Event("change", {bubbles: true}));
  } else if (kind === "click") find(name).click();
  else begun = 0;
  for (;;) {
    const now = performance.now() - begun, shown = find(".dash-shown");
    if (now > 120000) throw new Error(`never shown: ${kind} ${name} ${option}`);
    if (figures === null && (shown ? shown.dataset.view !== before : find(".dash-first h1"))) figures = now;
    if (figures !== null && find(".dash-drawn") && !find("main[aria-busy]")) return [figures / 1000, now / 1000];
    await pause();
  }
}"""
"""Acts in the page, and gives the seconds until its figures were there, and until all was. The first view has nothing
to act on: it is timed from the address; its figures stand greyed in the page itself, until the kernel has looked
whether they still are those."""
NAME, TAKE_AWAY = "#table-sums tbody a", ".dash-chosen a"
STEPS = (
    ("unit: flex credits", "choose", "In", "Flex credits"),
    ("group: provider", "choose", "By", "Provider"),
    ("group: department", "choose", "By", "Department"),
    ("department: its rows", "click", NAME, ""),
    ("all departments again", "click", TAKE_AWAY, ""),
    ("unit: US$", "choose", "In", "US$"),
    ("group: person", "choose", "By", "Person"),
    ("person: their rows", "click", NAME, ""),
    ("all people again", "click", TAKE_AWAY, ""),
    ("group: provider", "choose", "By", "Provider"),
    ("provider: its rows", "click", NAME, ""),
    ("all providers again", "click", TAKE_AWAY, ""),
    ("group: model", "choose", "By", "Model"),
    ("model: its rows", "click", NAME, ""),
    ("all models again", "click", TAKE_AWAY, ""),
    ("comparison: month before", "choose", "Against", MONTHS[-2].title),
)
GROUPS = ("model", "provider", "department", "user")
LOAD = "import sys, flexlib as fl; print(len(fl.load(*sys.argv[1:3]).by(sys.argv[3])))"
PLAIN = """
import sys, duckdb
print(duckdb.sql(f"SELECT model, sum(amount_in_usd), sum(total_tokens), count(*) FROM '{sys.argv[1]}' GROUP BY 1"))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="calls of all months together")
    parser.add_argument("--data", type=Path, help="months that bench_site.py --store wrote, instead of new ones")
    parser.add_argument("--months", type=int, default=len(MONTHS), help="of the long span; 1: only one month")
    parser.add_argument("--viewers", type=int, nargs="*", default=[2, 5, 10], help="who look and ask at once")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flexlib-bench-") as folder, sync_playwright() as playwright:
        root = (arguments.data or Path(folder) / "data").absolute()
        if not arguments.data:
            root.mkdir()
            store = [sys.executable, str(Path(__file__).with_name("bench_site.py")), "--rows", str(arguments.rows)]
            subprocess.run([*store, "--store", str(root)], check=True)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        most = max([1, *arguments.viewers]) + 2
        with serve_dashboard(root, "--roster", str(root / "people.csv"), "--viewers", str(most)) as url:
            print(f"\n{len(MONTHS)} months of 6,000 people, {arguments.rows:,} calls in all")
            print(f"Load of the machine before: {os.getloadavg()[0]:.1f}")
            last = f"{MONTHS[-1]}..{MONTHS[-1]}"
            long = f"{MONTHS[-arguments.months]}..{MONTHS[-1]}"
            time_views(browser, url, "", f"{MONTHS[-1].title}: seconds")
            time_yardsticks(root, last)
            if arguments.months > 1:
                time_views(browser, url, f"?months={long}", f"{arguments.months} months: seconds", rounds=1)
                time_yardsticks(root, long)
            time_crowds(browser, url, arguments.viewers)
        browser.close()


def find_chromium() -> str:
    found = [one for name in ("chromium", "chromium-browser", "google-chrome") if (one := shutil.which(name))]
    return found[0] if found else sys.exit("Chromium is needed: apt install chromium")


def time_views(browser: Browser, url: str, query: str, title: str, rounds: int = ROUNDS) -> None:
    """The first view of that many viewers, and each step of them, one after the other: the medians."""
    runs: dict[int, list[list[float]]] = {}
    pss = []
    for _round in range(rounds):
        await_waiting()
        context = browser.new_context(viewport={"width": 1280, "height": 1000})
        page = context.new_page()
        kernel = open_page(page, url + query)
        runs.setdefault(-1, []).append(page.evaluate(ACT, ["", "", ""]))
        for number, (_name, *act) in enumerate(STEPS):
            runs.setdefault(number, []).append(page.evaluate(ACT, act))
        pss.append(measure_pss(kernel))
        context.close()
    print(f"\n{title:<34}{'figures':>10}{'all':>10}{'wanted':>10}")
    for number, found in runs.items():
        name, wanted = ("first view, warm", FIRST) if number < 0 else (STEPS[number][0], FILTER)
        figures, everything = (median(one[place] for one in found) for place in (0, 1))
        print(f"{name:<34}{figures:>10.2f}{everything:>10.2f}{wanted:>10.1f}", flush=True)
    print(f"{'PSS of the kernel afterwards, MiB':<34}{median(pss):>10.0f}", flush=True)


def time_yardsticks(root: Path, months: str) -> None:
    first, _dots, last = months.partition("..")
    told = {"FLEXLIB_DATA": str(root), "FLEXLIB_ORGANIZATION": str(root / "people.csv"), "WINDSURF_SERVICE_KEY": ""}
    works = {f"fl.load(...).by({key!r})": [LOAD, first, last, key] for key in GROUPS}
    whole = f"{root}/usage/**/*.parquet"
    works["DuckDB alone, by model"] = [PLAIN, whole if first != last else f"{root}/usage/{last}/**/*.parquet"]
    for name, command in works.items():
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", *command], env=os.environ | told, stdout=subprocess.DEVNULL, check=True)
        print(f"  {name:<32}{time.perf_counter() - begun:>20.2f}", flush=True)


def time_crowds(browser: Browser, url: str, sizes: list[int]) -> None:
    """How long a filter takes the slowest where so many viewers ask in the same moment, and what memory they hold."""
    print(f"\n{'viewers who ask at once':<34}{'median':>10}{'slowest':>10}{'MiB each':>10}")
    for size in sizes:
        context = browser.new_context(viewport={"width": 1280, "height": 1000})
        pages, kernels = [], []
        for _viewer in range(size):
            await_waiting()
            pages.append(context.new_page())
            kernels.append(open_page(pages[-1], url))
            pages[-1].evaluate(ACT, ["", "", ""])
        times = ask_together(pages)
        each = median(map(measure_pss, kernels))
        print(f"{size:<34}{median(times):>10.2f}{max(times):>10.2f}{each:>10.0f}", flush=True)
        context.close()


def ask_together(pages: list[Page]) -> list[float]:
    """Seconds until each page has all; every one begins before the first is waited for."""
    started = f"(act) => {{ window.timed = ({ACT})(act); return null; }}"
    for page in pages:
        page.evaluate(started, ["choose", "By", "Provider"])
    return [page.evaluate("() => window.timed")[1] for page in pages]


def open_page(page: Page, address: str) -> str:
    """Asks for it; gives the name of its kernel."""
    answer = page.goto(address, wait_until="commit")
    assert answer is not None
    return find_kernel(answer.text())


def list_kernels() -> Iterator[psutil.Process]:
    for one in psutil.Process().children(recursive=True):
        try:
            if "ipykernel_launcher" in one.cmdline():
                yield one
        except psutil.Error:  # it ended meanwhile
            continue


def await_waiting() -> None:
    """Until the kernels are at rest: the next one waits for its viewer, as it does where people come one by one."""
    rest = 0
    while rest < 4:  # quarters of a second in which none of them did anything
        before = {one.pid: sum(one.cpu_times()[:2]) for one in list_kernels()}
        time.sleep(0.25)
        after = {one.pid: sum(one.cpu_times()[:2]) for one in list_kernels()}
        is_busy = not before or before.keys() != after.keys() or any(after[pid] - before[pid] > 0.02 for pid in before)
        rest = 0 if is_busy else rest + 1


def measure_pss(kernel: str) -> float:
    """MiB."""
    (process,) = (one for one in list_kernels() if re.search(re.escape(kernel), " ".join(one.cmdline())))
    found: Any = process.memory_full_info()
    return float(found.pss) / 2**20


if __name__ == "__main__":
    main()
