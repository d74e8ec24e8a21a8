"""What of a live page works where every answer of the server comes late: downloads, and clicks that follow quickly.

    python benchmarks/slow_network.py [--late-ms 300] [--others 1] [--clicks 12] [-- words for tiger app]

Starts the app and a training on the bundled shop in a real Chromium, with other visitors who look on. Clicks on the CSV of a live
table and counts what is saved within 12 seconds each; then pauses, steps and resumes the run in quick turns, until a button is
missing for 30 seconds or ten turns are over.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Error, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.browser.conftest import ARGS, START, close, program, start
from tests.browser.training import begin, press

TURN = ("Pause", "Step one batch", "Step one batch", "Resume")


def saved(page: Page, clicks: int) -> int:
    """How many clicks on the first live table's CSV save it."""
    page.get_by_text("Data and export").first.click()
    button = page.get_by_test_id("stDownloadButton").first.get_by_role("button").first
    button.wait_for()
    found = 0
    for _ in range(clicks):
        try:
            with page.expect_download(timeout=12_000) as download:
                button.click()
            download.value.path()
            found += 1
        except Error:
            pass
        page.wait_for_timeout(370)  # at another moment of the page's second each time
    return found


def turns(page: Page) -> int:
    """How often the run is paused, stepped twice and resumed before the page goes no further, up to ten."""
    for n in range(10):
        try:
            for name in TURN:
                press(page, name)
                page.wait_for_timeout(300)
        except Error:
            return n
    return 10


def main() -> None:
    """Train, click, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--late-ms", type=int, default=300)
    parser.add_argument("--others", type=int, default=1)
    parser.add_argument("--clicks", type=int, default=12)
    parser.add_argument("words", nargs="*")
    given = parser.parse_args()
    expect.set_options(timeout=30_000)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        app = start(Path(home) / "workspace", words=tuple(given.words))
        try:
            context = playwright.chromium.launch(executable_path=program(), args=ARGS).new_context()
            context.add_init_script(START)
            context.set_default_timeout(30_000)
            page = context.new_page()
            begin(page, app, "synthetic", steps=200_000)
            for _ in range(given.others):
                context.new_page().goto(page.url)
            page.evaluate("ms => { window.lateMs = ms }", given.late_ms)
            print(json.dumps({"late_ms": given.late_ms, "others": given.others, "clicks": given.clicks,
                              "saved": saved(page, given.clicks), "turns_of_10": turns(page)}), flush=True)
        finally:
            close(app)


if __name__ == "__main__":
    main()
