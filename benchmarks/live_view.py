"""What watching costs: how long a tick of the live view takes, what it takes from the training, and thirty visitors.

    python benchmarks/live_view.py [--data ../shared/data/amazon-beauty] [--rounds 8] [--seconds 6]

The real app and a real worker train the default RQ-VAE on Amazon Beauty, with every core. A real Chromium watches
and looks away in turn; the steps a second of neighbouring stretches are compared, so that both see the same
machine (the browser's own work on it counts as the viewer's). Then a viewer whose browser runs elsewhere: the same
questions once a second over the protocol, without a browser on this machine. A tick is one rerun of the live fragment,
from the question to the server's last answer; "drawn" ends with the next frame on the screen.

Then thirty visitors without a browser, who speak Streamlit's protocol, look at a finished run: they poll nothing;
one after the other asks for the whole page once, four a second, while the browser still watches the training.

Targets: tick p95 under 300 ms, training at most 5 % longer, and with the thirty p95 under 500 ms. Prints JSON.
"""

import argparse
import asyncio
import base64
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from bare import BEAUTY, machine, spread
from playwright.async_api import Page, async_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from tests.browser.conftest import ARGS, App, close, program, start
from tiger import runs
from tiger.datasets import registry
from tiger.runs import supervisor
from tiger.runs.executors.local import n_cores

WATCH = """(() => {
  const Plain = window.WebSocket, log = window.wireLog = [];
  const bytes = data => data.buffer ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
  const small = data => data.byteLength > 4096 ? '' : btoa(String.fromCharCode(...bytes(data)));
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', event => {
        const row = {sent: false, at: performance.now(), data: small(event.data)};
        log.push(row);
        requestAnimationFrame(() => setTimeout(() => { row.drawn = performance.now(); }));
      });
    }
    send(data) { log.push({sent: true, at: performance.now(), data: small(data)}); super.send(data); }
  };
})()"""
READY = ForwardMsg.ScriptFinishedStatus.Value("FINISHED_SUCCESSFULLY")
TICKED = ForwardMsg.ScriptFinishedStatus.Value("FINISHED_FRAGMENT_RUN_SUCCESSFULLY")


class Visitor:
    """A visitor without a browser: one session over a websocket."""

    def __init__(self, app: App, page: str, query: str):
        self.address = app.url.replace("http", "ws") + "/_stcore/stream"
        self.page, self.query, self.fragment = page, query, ""

    async def open(self) -> float:
        """Connect and see the page for the first time; milliseconds."""
        self.wire = await connect(self.address, subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
        return await self.look()

    async def look(self) -> float:
        """Ask for the whole page and read it to its end; milliseconds."""
        asked, begin = BackMsg(), time.perf_counter()
        asked.rerun_script.page_name, asked.rerun_script.query_string = self.page, self.query
        await self.wire.send(asked.SerializeToString())
        return await self._answered(begin, READY)

    async def tick(self) -> float:
        """Ask for the live part alone, as a browser does once a second; milliseconds."""
        asked, begin = BackMsg(), time.perf_counter()
        asked.rerun_script.page_name, asked.rerun_script.query_string = self.page, self.query
        asked.rerun_script.fragment_id, asked.rerun_script.is_auto_rerun = self.fragment, True
        await self.wire.send(asked.SerializeToString())
        return await self._answered(begin, TICKED)

    async def _answered(self, begin: float, end: int) -> float:
        while True:
            said = ForwardMsg.FromString(await self.wire.recv())
            if said.WhichOneof("type") == "auto_rerun":
                self.fragment = said.auto_rerun.fragment_id
            if said.WhichOneof("type") == "script_finished" and said.script_finished == end:
                return 1000 * (time.perf_counter() - begin)

    async def watch(self) -> None:
        """Tick once a second until cancelled."""
        while True:
            begin = time.monotonic()
            await self.tick()
            await asyncio.sleep(max(0.0, 1 - (time.monotonic() - begin)))


def ticks(log: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Milliseconds of every tick that the browser asked for: until the answer was whole, and until it was drawn."""
    found: dict[str, list[float]] = {"answered": [], "drawn": []}
    asked_at = None
    for row in log:
        data = base64.b64decode(row["data"])
        if row["sent"]:
            said = BackMsg.FromString(data)
            asked_at = row["at"] if said.rerun_script.fragment_id else None
        elif asked_at is not None and ForwardMsg.FromString(data).WhichOneof("type") == "script_finished":
            found["answered"].append(row["at"] - asked_at)
            found["drawn"].append(row.get("drawn", row["at"]) - asked_at)
            asked_at = None
    return found


def summary(values: list[float]) -> dict[str, float]:
    """Number, median, 95th percentile and maximum, in milliseconds."""
    p50, p95 = np.percentile(values, (50, 95))
    return {"n": len(values), "p50_ms": round(float(p50)), "p95_ms": round(float(p95)), "max_ms": round(max(values))}


async def steps_per_s(run: runs.Run, seconds: float) -> float:
    """The training's speed over the next seconds, from its own log."""
    since = run.events()[1]
    await asyncio.sleep(seconds)
    logged = [event for event in run.events(since)[0] if "loss" in event]
    return (logged[-1]["step"] - logged[0]["step"]) / (logged[-1]["t_s"] - logged[0]["t_s"])


async def watch(page: Page, address: str, seconds: float) -> None:
    """Open the live view and let it settle."""
    await page.goto(address)
    await page.wait_for_selector("[data-testid=stVegaLiteChart] canvas", timeout=60_000)
    await asyncio.sleep(seconds)
    await page.evaluate("window.wireLog.length = 0")


async def visitors(app: App, run: runs.Run, n: int, seconds: float) -> dict[str, dict[str, float]]:
    """Thirty look at a finished run; then one after the other asks for the page again."""
    crowd = [Visitor(app, "train", f"run={run.id}") for _ in range(n)]
    first = [await visitor.open() for visitor in crowd]
    again, end = [], time.monotonic() + seconds
    for place in range(100_000):
        begin = time.monotonic()
        again.append(await crowd[place % n].look())
        if time.monotonic() > end:
            break
        await asyncio.sleep(max(0.0, 0.25 - (time.monotonic() - begin)))
    return {"first_look": summary(first), "look_again": summary(again)}


async def from_elsewhere(app: App, run: runs.Run, args: argparse.Namespace) -> list[tuple[float, float]]:
    """Steps a second without and with a viewer whose browser runs on another machine."""
    pairs = []
    for _ in range(args.rounds):
        away = Visitor(app, "train", f"run={run.id}")
        await away.open()
        looking = asyncio.create_task(away.watch())
        await asyncio.sleep(2)
        watched = await steps_per_s(run, args.seconds)
        if looking.done():
            looking.result()
        looking.cancel()
        await away.wire.close()
        await asyncio.sleep(1)
        pairs.append((await steps_per_s(run, args.seconds), watched))
    return pairs


async def measure(app: App, run: runs.Run, done: runs.Run, args: argparse.Namespace) -> dict[str, Any]:
    """Every figure, one after the other."""
    live = f"{app.url}/train?run={run.id}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program(), args=ARGS)
        page = await browser.new_page(viewport={"width": 1400, "height": 1000})
        await page.add_init_script(WATCH)
        pairs, log = [], []
        for _ in range(args.rounds):
            await watch(page, live, 3)
            watched = await steps_per_s(run, args.seconds)
            log += await page.evaluate("window.wireLog")
            await page.goto("about:blank")
            await asyncio.sleep(1)
            pairs.append((await steps_per_s(run, args.seconds), watched))
        await watch(page, live, 3)
        crowd = await visitors(app, done, args.visitors, 30)
        beside = ticks(await page.evaluate("window.wireLog"))
        await browser.close()
    elsewhere = await from_elsewhere(app, run, args)
    alone = ticks(log)
    return {"tick": {name: summary(values) for name, values in alone.items()},
            "steps_per_s": {"unwatched": spread([a for a, _ in pairs], 1), "watched": spread([b for _, b in pairs], 1)},
            "training_longer_percent": spread([100 * (a / b - 1) for a, b in pairs], 1),
            "training_longer_percent_browser_elsewhere": spread([100 * (a / b - 1) for a, b in elsewhere], 1),
            f"tick_beside_{args.visitors}_visitors": {name: summary(values) for name, values in beside.items()},
            "visitors_of_a_finished_run": crowd}


def wait_for(run: runs.Run, state: str) -> None:
    """Until the run is in this state and has trained a while."""
    while run.state != state or run.status.step < 20:
        if run.state == "failed":
            raise RuntimeError(run.status.message)
        time.sleep(0.2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(BEAUTY))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--visitors", type=int, default=30)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ["TIGER_HOME"] = home
        ref = {"name": "recbole", "params": {"path": str(Path(args.data).resolve())}, "embedding": {"method": "tfidf"}}
        registry.add(ref, "Beauty")
        app = start(Path(home))
        try:
            asked = {"dataset": ref, "quantizer": {"name": "rqvae", "params": {"n_steps": 60}}}
            done = supervisor.current().submit(asked)
            wait_for(done, "finished")
            asked["quantizer"]["params"] = {"n_steps": 1_000_000}  # type: ignore[index]
            run = supervisor.current().submit(asked)
            wait_for(run, "running")
            found = asyncio.run(measure(app, run, done, args))
        finally:
            close(app)
    print(json.dumps({"data": Path(args.data).name, "seed": 0, "rounds": args.rounds, "seconds": args.seconds,
                      "worker_threads": n_cores() // supervisor.n_workers(),
                      "machine": machine(), **found}, indent=1))


if __name__ == "__main__":
    main()
