"""A class on one server: thirty join, press Start within ten seconds, watch, and go from page to page.

    python benchmarks/classroom.py [--visitors 30] [--minutes 2] [--kill] [--seed 0]

The real app with ``--class`` and its real workers; visitors speak Streamlit's protocol over a websocket, each with a cookie of
their own, and poll their live page once a second as a browser does. Each trains the recipe "Healthy" on the bundled shop, looks
at another page after 8 to 16 seconds and goes back 4 to 10 seconds later: about three page switches a second in all. With
``--kill`` the server is killed in the middle and started again: everybody comes back to the same page and run. Targets: every
run finished within 90 s of the first Start, page switches p95 under 1 s, no error, no worker left over. Prints one JSON object.
"""

import argparse
import asyncio
import json
import random
import re
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from live_view import READY, TICKED
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from tests.browser.conftest import App, close, start, stop
from tiger.runs.records import Status
from tiger.ui.shared.door import COOKIE

ELSEWHERE = ("home", "lessons", "catalogue", "codebooks", "tree", "map", "doctor", "runs", "beam", "playground")
START_WITHIN_S, DONE_WITHIN_S = 10.0, 90.0


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The answer of the join form itself is what carries the cookie."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


class Student:
    """A visitor of the class: one session over a websocket, with what the last answer showed."""

    def __init__(self, app: App, name: str, code: str):
        self.app, self.name = app, name
        self.page, self.query, self.fragment = "train", "", ""
        self.buttons: dict[str, str] = {}
        self.errors: list[str] = []
        body = urllib.parse.urlencode({"name": name, "code": code}).encode()
        try:
            urllib.request.build_opener(NoRedirect).open(f"{app.url}/join", body)
            raise RuntimeError("the class let nobody in")
        except urllib.error.HTTPError as answer:
            self.cookie = re.search(rf"{COOKIE}=([^;]+)", answer.headers["set-cookie"])[1]  # type: ignore[index]

    async def connect(self) -> None:
        """Open the websocket, with this visitor's cookie."""
        address = self.app.url.replace("http", "ws") + "/_stcore/stream"
        self.wire = await connect(address, subprotocols=["streamlit"], max_size=None,  # type: ignore[list-item]
                                  additional_headers={"Cookie": f"{COOKIE}={self.cookie}", "Origin": self.app.url})

    async def look(self, press: str = "") -> float:
        """Ask for the whole page, perhaps by pressing a button; milliseconds until it is whole."""
        asked, begin = self._asked(), time.perf_counter()
        if press:
            state = asked.rerun_script.widget_states.widgets.add()
            state.id, state.trigger_value = self.buttons[press], True
        self.fragment = ""
        await self.wire.send(asked.SerializeToString())
        await self._answered(READY)
        return 1000 * (time.perf_counter() - begin)

    async def tick(self) -> None:
        """Ask for the live part alone, where the page has one; all of it where that tells the browser to."""
        if not self.fragment:
            return
        asked, before = self._asked(), self.fragment
        asked.rerun_script.fragment_id, asked.rerun_script.is_auto_rerun = before, True
        self.fragment = ""
        await self.wire.send(asked.SerializeToString())
        if await self._answered(TICKED, READY) == TICKED:  # else the whole page was drawn, with a live part of its own or none
            self.fragment = self.fragment or before

    def _asked(self) -> BackMsg:
        asked = BackMsg()
        asked.rerun_script.page_name, asked.rerun_script.query_string = self.page, self.query
        return asked

    async def _answered(self, *ends: int) -> int:
        """Read until the script ends in one of these ways; returns which."""
        while True:
            said = ForwardMsg.FromString(await asyncio.wait_for(self.wire.recv(), 60))
            kind = said.WhichOneof("type")
            if kind == "auto_rerun":
                self.fragment = said.auto_rerun.fragment_id
            elif kind == "page_info_changed":
                self.query = said.page_info_changed.query_string
            elif kind == "delta" and said.delta.WhichOneof("type") == "new_element":
                element = said.delta.new_element
                if element.WhichOneof("type") == "button":
                    self.buttons[element.button.label] = element.button.id
                elif element.WhichOneof("type") == "exception":
                    self.errors.append(f"{self.page}: {element.exception.message[:200]}")
                elif element.WhichOneof("type") == "alert" and element.alert.icon == ":material/error:":  # a verdict has another
                    self.errors.append(f"{self.page}: {element.alert.body[:200]}")
            elif kind == "script_finished" and said.script_finished in ends:
                return int(said.script_finished)


async def study(student: Student, rng: random.Random, end_s: float, switches: list[float]) -> None:
    """Press Start, watch for some seconds, look at another page, come back, until the time is over."""
    await student.connect()
    await student.look()
    await asyncio.sleep(rng.random() * START_WITHIN_S)
    await student.look(press="Start training")
    mine = student.query
    while time.monotonic() < end_s:
        until_s = time.monotonic() + rng.uniform(8, 16)
        while time.monotonic() < until_s:
            begin_s = time.monotonic()
            await student.tick()
            await asyncio.sleep(max(0.0, 1 - (time.monotonic() - begin_s)))
        away = rng.choice(ELSEWHERE)
        student.page, student.query = away, mine
        switches.append(await student.look())
        await asyncio.sleep(rng.uniform(4, 10))
        student.page, student.query = "train", mine
        switches.append(await student.look())
    student.query = mine


def statuses(home: Path) -> dict[str, Status]:
    """Every run of the workspace and how it stands."""
    return {path.parent.name: Status.from_json(json.loads(path.read_text())) for path in home.glob("runs/*/status.json")}


async def progress(home: Path, n: int, memory: list[float], server: psutil.Process) -> dict[str, float]:
    """Seconds from the first Start until half of the runs and all of them were over; notes the server's memory meanwhile."""
    begin_s, times = None, {}
    while "all" not in times:
        found = statuses(home)
        begin_s = begin_s or (time.monotonic() if found else None)
        over = sum(one.state == "finished" for one in found.values())
        if begin_s is not None and over >= n / 2 and "half" not in times:
            times["half"] = time.monotonic() - begin_s
        if over >= n:
            times["all"] = time.monotonic() - (begin_s or 0.0)
            times["server_cpu"], times["visitors_cpu"] = (sum(one.cpu_times()[:2]) for one in (server, psutil.Process()))
        memory.append(server.memory_info().rss / 2**20)
        await asyncio.sleep(0.25)
    return times


async def lesson(app: App, args: argparse.Namespace) -> dict[str, Any]:
    """One class from its first visitor to its last look."""
    code = re.search(r"\(code (\w{6})\)", app.log.read_text())[1]  # type: ignore[index]
    class_of = [Student(app, f"Visitor {number}", code) for number in range(args.visitors)]
    switches: list[float] = []
    memory: list[float] = []
    end_s = time.monotonic() + 60 * args.minutes
    studying = [asyncio.create_task(study(one, random.Random(args.seed * 1000 + number), end_s, switches))
                for number, one in enumerate(class_of)]
    done = await progress(app.home, args.visitors, memory, psutil.Process(app.process.pid))
    await asyncio.gather(*studying)
    found: dict[str, Any] = {
        "first_start_to_half_of_the_results_s": round(done["half"], 1), "first_start_to_all_results_s": round(done["all"], 1),
        "cpu_until_then_s": {"server": round(done["server_cpu"], 1), "these_visitors": round(done["visitors_cpu"], 1)},
        "page_switch_ms": {"n": len(switches)} | {f"p{q}": round(float(np.percentile(switches, q))) for q in (50, 95, 100)},
        "server_mb": {"first": round(memory[0]), "last": round(psutil.Process(app.process.pid).memory_info().rss / 2**20)}}
    if args.kill:
        found["after_a_kill"] = await come_back(app, class_of)
    found["errors"] = [error for one in class_of for error in one.errors][:10]
    return found


async def come_back(app: App, class_of: list[Student]) -> dict[str, int]:
    """Kill the server, start it again, and see whether everybody gets the same page and run."""
    before = [one.query for one in class_of]
    stop(app)
    again = start(app.home, int(app.url.rsplit(":", 1)[1]), words=("--class",))
    app.process = again.process
    for one in class_of:
        await one.connect()
        await one.look()
    same = sum(urllib.parse.parse_qs(one.query).get("run") == urllib.parse.parse_qs(query).get("run")
               for one, query in zip(class_of, before, strict=True))
    return {"visitors": len(class_of), "same_run": same}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        app = start(Path(folder) / "home", words=("--class",))
        try:
            found = asyncio.run(lesson(app, args))
        finally:
            close(app)
        time.sleep(3)
        pids = [one.pid for one in statuses(app.home).values() if one.pid]
        left = sum(psutil.pid_exists(pid) and pid != app.process.pid for pid in pids)
    print(json.dumps(vars(args) | found | {"workers_left_over": left}, indent=1))


if __name__ == "__main__":
    main()
