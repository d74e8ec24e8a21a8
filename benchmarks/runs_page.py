"""How long a page takes to rerun in a workspace with thousands of runs.

    python benchmarks/runs_page.py [--runs 3000] [--repeats 15] [--keep FOLDER]

Makes run folders as a worker would leave them (configuration, status, log, outcome; a third with labels), all of the bundled
shop, with verdicts in the cache, then asks the real server over Streamlit's protocol, without a browser: the Runs page,
the same filtered and grouped, with ten runs compared, and Catalogue as a page that only has the sidebar's picker. A rerun is
the time from the question to the server's last answer, with the server's processor time beside it. The first rerun, which reads
every folder, is given by itself.

Target: every warm rerun under 200 ms. Prints JSON.
"""

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from bare import machine, spread
from live_view import Visitor

from tests.browser.conftest import close, start
from tiger import runs
from tiger.core import params
from tiger.datasets import registry
from tiger.quantizers import REGISTRY
from tiger.reports import runs_verdicts
from tiger.reports.runs_verdicts import Verdict
from tiger.runs import index, labels, outcome
from tiger.runs.records import Status

TAGS = ("baseline", "wide", "to-check", "paper")


def make(n_runs: int) -> None:
    """Fill the workspace of ``TIGER_HOME``."""
    rng = random.Random(0)
    cls = REGISTRY["rqvae"]
    ref = registry.bundled().ref
    for number in range(n_runs):
        given = {"seed": number % 5, "learning_rate": rng.choice([1e-3, 3e-3, 1e-2]), "beta": rng.choice([0.25, 1.0, 4.0]),
                 "n_codes": rng.choice([64, 128, 256])}
        asked = {"dataset": ref, "title": f"Run {number}", "quantizer": {"name": "rqvae", "params": params.values(cls(**given))}}
        status = Status("finished", step=600, n_steps=600, attempt=1)
        runs.new_run(asked, status, partial(fill, rng=rng, n_codes=given["n_codes"]))


def fill(folder: Path, rng: random.Random, n_codes: int) -> None:
    """What a finished run leaves beside its configuration."""
    perplexity = [rng.uniform(0.2, 0.95) * n_codes for _ in range(3)]
    lines = [json.dumps({"step": step, "t_s": step / 50, "loss": 1 / step, "perplexity": perplexity})
             for step in range(10, 601, 10)]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    outcome.write(folder, outcome.Outcome(2000, rng.randrange(1500, 2001), (n_codes,) * 3, tuple(perplexity), rng.random()))
    np.save(folder / "codes.npy", np.zeros((2000, 3), np.int32))
    if rng.random() < 1 / 3:
        labels.write(folder, labels.Labels(note="A note", tags=tuple(rng.sample(TAGS, 2)), starred=rng.random() < 0.1))


def judge() -> None:
    """Put a verdict on every run into the cache, as if the doctor had examined it."""
    lines = [json.dumps({"key": runs_verdicts.key(entry), **asdict(Verdict("Healthy", "good", entry.outcome))})
             for entry in index.entries() if entry.outcome]
    runs_verdicts.cache_file().write_text("\n".join(lines) + "\n")


def cpu_s(app) -> float:
    """Processor seconds that the server has used; on a shared machine they say more than the clock."""
    used = psutil.Process(app.process.pid).cpu_times()
    return used.user + used.system


async def measure(app, n_repeats: int) -> dict[str, object]:
    """Milliseconds of first and later reruns of each page, and the server's processor time of a later one."""
    ids = ",".join(entry.id for entry in index.entries()[:10])
    found: dict[str, object] = {}
    for name, page, query in (("runs", "runs", ""), ("runs, searched", "runs", "find=beta+4&kind=IDs"),
                              ("runs, grouped", "runs", "by=learning_rate"), ("runs, ten compared", "runs", f"runs={ids}"),
                              ("catalogue", "catalogue", "")):
        visitor = Visitor(app, page, query)
        first = await visitor.open()
        await visitor.look()
        before_s = cpu_s(app)
        rerun_ms = spread([await visitor.look() for _ in range(n_repeats)])
        cpu_ms = round(1000 * (cpu_s(app) - before_s) / n_repeats)
        found[name] = {"first_ms": round(first), "rerun_ms": rerun_ms, "cpu_ms": cpu_ms}
        await visitor.wire.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--keep", type=Path, help="make the runs here, and use them again the next time")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = args.keep or Path(folder)
        os.environ["TIGER_HOME"] = str(home)
        if len(index.entries()) < args.runs:
            make(args.runs)
            time.sleep(0.1)
        judge()  # a verdict is of one version of the doctor, so those of an earlier call may count no more
        index._known.clear()
        start_s = time.perf_counter()
        index.entries()
        cold_ms = 1000 * (time.perf_counter() - start_s)
        warm = []
        for _ in range(args.repeats):
            start_s = time.perf_counter()
            index.entries()
            warm.append(1000 * (time.perf_counter() - start_s))
        app = start(home)
        try:
            pages = asyncio.run(measure(app, args.repeats))
        finally:
            close(app)
    print(json.dumps({"runs": args.runs, "index_cold_ms": round(cold_ms), "index_warm_ms": spread(warm), "pages": pages,
                      "machine": machine()}, indent=1))


if __name__ == "__main__":
    main()
