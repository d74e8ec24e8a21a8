"""How soon a page answers: every page switch and the common interactions, as a person at the browser feels them.

    python benchmarks/felt.py [--data PATH | --items N] [--home FOLDER] [--busy N] [--only WORD] [--rounds 5] [--name TEXT]
                              [--log]

A real Chromium against a real server, on the bundled shop, or on ``--data``, a folder of RecBole's atomic files (Amazon Beauty:
12,101 items), for which a residual k-means of 3 x 256 codes and a small recommender are trained first and kept in ``--home``,
or on ``--items`` generated vectors with LSH codes: the Map draws 100,000 of them, and its level slider recolours them all.
Felt time: from the pointer or the key going down to the last change of the page or of a canvas that it causes, with the
browser's long tasks counted as changes, once the script has ended and nothing has changed for 350 ms. What stands inside a canvas
is never drawn, and does not count: Streamlit's tables write their cells there for screen readers, 0.2 to 0.4 seconds after
they were drawn. Each page and each interaction is visited once before it counts, then ``--rounds`` times in turn; median, fastest
and slowest. What a page draws by itself and tells the server afterwards is not waited for. Beside it the processor time that the
server and the page's main thread spent on it, telling included, which other processes on the same cores change less.
``--busy N`` lets N other processes compute on the same cores, at the priority of training runs. Targets on a free machine: every
page under 300 ms on the shop and 450 ms on Beauty, interactions under 150 ms.
``--log`` appends one JSON line to ``logs/felt.jsonl``.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from bare import PROJECT, machine
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import ARGS, App, close, program, settled, start, visit
from tiger import datasets, models, quantizers, runs
from tiger.core import files
from tiger.datasets import registry
from tiger.runs import artifacts
from tiger.runs.records import Status
from tiger.ui.shared.pagelist import PAGES

LOG = PROJECT / "benchmarks" / "logs" / "felt.jsonl"
WATCH = """(() => {
  const felt = window.felt = {begin: 0, last: 0}
  const begin = () => { felt.begin = felt.last = performance.now(); felt.told = false }
  const moved = at => { if (!felt.told) felt.last = Math.max(felt.last, at) }
  const send = WebSocket.prototype.send
  WebSocket.prototype.send = function (...what) { // what a quiet page tells the server, and what comes back, was not waited for
    felt.told ||= performance.now() - felt.last > 300
    return send.apply(this, what)
  }
  for (const kind of ['pointerdown', 'keydown', 'wheel']) addEventListener(kind, begin, {capture: true, passive: true})
  const inside = node => {
    for (let at = node; at; at = at.parentNode ?? at.host) if (at.dataset?.testid === 'stMain') return true
  }
  const unseen = ({type, target}) => (type === 'childList' ? target.closest?.('canvas') : target.parentElement?.closest('canvas'))
  const changed = list => { if (list.some(one => inside(one.target) && !unseen(one))) moved(performance.now()) }
  const look = root => new MutationObserver(changed).observe(root,
    {subtree: true, childList: true, attributes: true, characterData: true})
  look(document)
  const attach = Element.prototype.attachShadow
  Element.prototype.attachShadow = function (how) { const root = attach.call(this, how); look(root); return root }
  for (const name of ['putImageData', 'fill']) { // what is drawn on a canvas changes no element
    const paint = CanvasRenderingContext2D.prototype[name]
    CanvasRenderingContext2D.prototype[name] = function (...how) { paint.apply(this, how); moved(performance.now()) }
  }
  new PerformanceObserver(list => list.getEntries().forEach(one => {
    moved(one.startTime + one.duration) })).observe({type: 'longtask'})
})()"""
DONE = """ready => { const root = document.querySelector('[data-testid=stApp]')
  return root?.dataset.testScriptState === 'notRunning' && (!ready || document.querySelector('h1')?.innerText === ready)
    && felt.begin > 0 && performance.now() - felt.last > 350 }"""
REST = "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
class Felt(NamedTuple):
    """Milliseconds from the last pointer or key to the page's last change, and of processor time until nothing was left to do."""

    ms: float
    server_ms: float
    browser_ms: float


Times = dict[str, list[Felt]]


class Visitor:
    """A page, and the clocks of the processes behind it."""

    def __init__(self, page: Page, app: App):
        self.page, self.app = page, app
        self.clock = page.context.new_cdp_session(page)
        self.clock.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent_ms(self) -> tuple[float, float]:
        """Processor time of the server and of the page's main thread so far."""
        server = psutil.Process(self.app.process.pid).cpu_times()
        browser = {one["name"]: one["value"] for one in self.clock.send("Performance.getMetrics")["metrics"]}
        return 1000 * (server.user + server.system), 1000 * browser["TaskDuration"]

    def felt(self, act: Callable[[], Any], ready: str = "") -> Felt:
        """What an action costs, which ends with the heading ``ready`` where it leads to another page."""
        page = self.page
        page.evaluate("felt.begin = 0")
        before = self.spent_ms()
        act()
        page.wait_for_function(DONE, arg=ready, timeout=60_000, polling=30)
        ms = float(page.evaluate("felt.last - felt.begin"))
        page.wait_for_timeout(900)  # until the server was told what the browser did without it
        page.wait_for_function(REST, timeout=60_000)
        server_ms, browser_ms = (after - was for after, was in zip(self.spent_ms(), before, strict=True))
        return Felt(ms, server_ms, browser_ms)


def switches(visitor: Visitor, only: str, rounds: int) -> Times:
    """Every page by its link in the sidebar, one after the other, round and round; the first round does not count."""
    times: Times = {}
    page = visitor.page
    wanted = [entry for entry in PAGES if only.lower() in entry.title.lower() and entry.key != "present"]  # it has no sidebar
    if len(wanted) == 1:
        wanted.append(next(entry for entry in PAGES if entry.key == "exchange"))
    for number in range(rounds + 1):
        for entry in wanted:
            link = page.locator("[data-testid=stSidebarNav]").get_by_role("link", name=entry.title, exact=True)
            link.scroll_into_view_if_needed()
            found = visitor.felt(link.click, entry.question)
            if number:
                times.setdefault(entry.title, []).append(found)
    return times


def _press(page: Page, role: Any, *names: str) -> Callable[[int], Any]:
    return lambda number: page.get_by_role(role, name=names[number % len(names)], exact=True).first.click()


def _slide(page: Page, label: str) -> Callable[[int], Any]:
    return lambda number: page.get_by_role("slider", name=label).first.press(("ArrowRight", "ArrowLeft")[number % 2])


def _search(page: Page) -> Callable[[int], Any]:
    def act(number: int) -> None:
        field = page.get_by_role("searchbox").first
        field.fill(("cream", "oil", "lamp", "soft", "pro", "set", "kit", "case")[number % 8])
        field.press("Enter")

    return act


def _spin(page: Page, label: str, low: int) -> Callable[[int], Any]:
    def act(number: int) -> None:
        field = page.get_by_role("spinbutton", name=label).first
        field.fill(str(low + number))
        field.press("Enter")

    return act


def _wheel(page: Page, selector: str) -> Callable[[int], Any]:
    def act(number: int) -> None:
        box = page.locator(selector).first.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.wheel(0, (-200, 200)[number % 2])
        page.wait_for_timeout(20)

    return act


def _opened(page: Page, text: str) -> None:
    page.get_by_text(text, exact=True).first.click()
    settled(page)


def interactions(visitor: Visitor, query: str, only: str, rounds: int) -> Times:
    """What is done most often within a page; every time the value is another one, so that no answer is there already
    but those that the page itself keeps."""
    page = visitor.page
    acts: list[tuple[str, str, Callable[[], Any] | None, Callable[[int], Any]]] = [
        ("Map: another colour", "map?", None, _press(page, "radio", "Category", "ID prefix")),
        ("Map: level slider", "map?", None, _slide(page, "Coloured by the first")),
        ("Map: zoom", "map?", None, _wheel(page, "canvas.items")),
        ("Tree: level slider", "tree?", None, _slide(page, "Levels to compare")),
        ("Beam: step", "beam?at=1", None, _press(page, "button", "Forward", "Back")),
        ("Beam: next user", "beam?", None, _press(page, "button", "Random user")),
        ("Beam: width", "beam?", None, _spin(page, "Beam width", 7)),
        ("Beam: drop an item", "beam?user=77", lambda: _opened(page, "Edit history"), _press(page, "button", "Drop", "Undo")),
        ("Catalogue: search", "catalogue?", None, _search(page)),
        ("Codebooks: level", "codebooks?", None, _press(page, "radio", "2", "3", "1"))]
    times: Times = {}
    for name, path, before, act in acts:
        if only.lower() not in name.lower() or (query and name == "Map: another colour"):  # Beauty has no categories
            continue
        with contextlib.suppress(Exception):
            visit(page, visitor.app, f"{path}&{query}")
            if before:
                before()
            times[name] = []
            for number in range(rounds + 1):
                found = visitor.felt(lambda act=act, number=number: act(number))
                if number:
                    times[name].append(found)
    return times


def beauty(home: Path, path: str) -> str:
    """The dataset with a run and a recommender of it, made once; the query that opens it."""
    os.environ["TIGER_HOME"] = str(home)
    ref = {"name": "recbole", "params": {"path": str(Path(path).resolve())}, "embedding": {"method": "tfidf", "dim": 64}}
    cat = datasets.load_ref(ref)
    entry = registry.add(ref, "Beauty")
    if not any(registry.key(run.config.dataset) == registry.key(ref) for run in runs.list_runs()):
        params = {"n_levels": 3, "n_codes": 256}
        made = runs.new_run({"dataset": ref, "title": "Residual k-means", "quantizer": {"name": "rkmeans", "params": params}},
                            Status("finished", attempt=1))
        artifacts.write_result(made, quantizers.create("rkmeans", **params).fit(cat.embedding_IE), cat.embedding_IE, 1)
        model = {"name": "rq_transformer", "params": {"width": 32, "n_layers": 1, "n_heads": 2, "n_epochs": 1, "batch_size": 512}}
        run = runs.new_run({"kind": "model", "dataset": ref, "model": model, "ids": {"run": made.id}, "title": "Quick"},
                           Status("finished", attempt=1))
        models.create(model["name"], **model["params"]).fit(cat, made.semantic_ids()).save(run.path)
        files.write_json(run.path / "metrics.json", {})
    return f"dataset={entry.id}"


def generated(home: Path, n_items: int) -> str:
    """A dataset of generated vectors in sixty clusters, with LSH codes, made once; the query that opens it."""
    os.environ["TIGER_HOME"] = str(home)
    path = home / f"vectors-{n_items}.npy"
    if not path.exists():
        rng = np.random.default_rng(0)
        np.save(path, (3 * rng.normal(size=(60, 32))[rng.integers(0, 60, n_items)] + rng.normal(size=(n_items, 32))).astype("f4"))
    ref = {"name": "shards", "params": {"path": str(path.resolve()), "n_sample": n_items}}
    entry = registry.add(ref, f"{n_items:,} vectors")
    if not any(registry.key(run.config.dataset) == registry.key(ref) for run in runs.list_runs()):
        emb_IE = datasets.load_ref(ref).embedding_IE
        params = {"n_levels": 3, "n_codes": 16}
        made = runs.new_run({"dataset": ref, "title": "LSH", "quantizer": {"name": "lsh", "params": params}},
                            Status("finished", attempt=1))
        artifacts.write_result(made, quantizers.create("lsh", **params).fit(emb_IE), emb_IE, 1)
    return f"dataset={entry.id}"


@contextlib.contextmanager
def busy(n: int) -> Iterator[None]:
    """``n`` other processes that compute without pause, at the priority of the lab's workers."""
    words = "from tiger.runs.worker import lower_priority; lower_priority()\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", words], cwd=PROJECT, process_group=0) for _ in range(n)]
    try:
        yield
    finally:
        for other in others:
            other.kill()


def table(times: Times) -> str:
    """One line a page or interaction: felt time, and medians of processor time."""
    def line(name: str, found: list[Felt]) -> str:
        if not found:
            return f"{name:>24}  not possible here"
        ms, server_ms, browser_ms = zip(*found, strict=True)
        return (f"{name:>24} {statistics.median(ms):7.0f} ms  ({min(ms):.0f} to {max(ms):.0f}); processor: server "
                f"{statistics.median(server_ms):.0f}, browser {statistics.median(browser_ms):.0f}")

    return "\n".join(line(name, found) for name, found in times.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data")
    parser.add_argument("--items", type=int, default=0)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--name", default="", help="what is measured, for the log; the commit by itself")
    parser.add_argument("--log", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = args.home or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        query = beauty(home, args.data) if args.data else generated(home, args.items) if args.items else ""
        app = start(home)
        try:
            browser = playwright.chromium.launch(executable_path=program(), args=ARGS)
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.add_init_script(WATCH)
            visit(page, app, f"catalogue?{query}")
            time.sleep(8)  # until the server has loaded what it loads after its start
            load = os.getloadavg()[0]
            with busy(args.busy):
                visitor = Visitor(page, app)
                found = switches(visitor, args.only, args.rounds) | interactions(visitor, query, args.only, args.rounds)
            browser.close()
        finally:
            close(app)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT, capture_output=True, text=True).stdout.strip()
    data = "Beauty" if args.data else f"{args.items} vectors" if args.items else "shop"
    about = {"name": args.name or commit, "commit": commit, "data": data, "busy": args.busy,
             "load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1), "cores": os.cpu_count(),
             "cpu": machine()["cpu"]}
    print(json.dumps(about), table(found), sep="\n", flush=True)
    if args.log:
        with LOG.open("a") as out:
            columns = {kind: {name: [round(getattr(one, kind)) for one in all_of] for name, all_of in found.items()}
                       for kind in Felt._fields}
            out.write(json.dumps(about | columns) + "\n")


if __name__ == "__main__":
    main()
