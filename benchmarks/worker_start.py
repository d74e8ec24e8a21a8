"""From Start to the first step, and to the end of a small run: a new Python for every worker, forked workers, and Ray's.

    python benchmarks/worker_start.py [--repeats 5] [--ray]

A run on the bundled shop with the size of the shop's default (5 levels of 16 codes, 300 steps). They take turns, so that
all see the same machine; ``--ray`` also submits to the cluster that ``RAY_ADDRESS`` names. Medians and the range. Prints one
JSON object.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tiger import runs
from tiger.runs import executors
from tiger.runs.executors.base import KEEP_MEMORY, Executor
from tiger.runs.executors.local import LocalExecutor
from tiger.runs.fork_server import ForkServer

SMALL = {"n_levels": 5, "n_codes": 16, "n_steps": 300, "hidden": "128", "batch_size": 512, "koleo": 0.1}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ray", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["TIGER_HOME"] = home
        begun = time.perf_counter()
        server = ForkServer(KEEP_MEMORY | os.environ)
        while not server.is_ready():
            time.sleep(0.02)
        ready_s = time.perf_counter() - begun
        ways: dict[str, Executor] = {"new": LocalExecutor(), "forked": LocalExecutor(server)}
        if args.ray:
            ways["ray"] = executors.create("ray")
        turns = [{how: timed(executor) for how, executor in ways.items()} for _ in range(args.repeats)]
        for executor in ways.values():
            executor.close()
    print(json.dumps({"fork_server_ready_s": round(ready_s, 2), "load": os.getloadavg()[0]} | {
        f"{how}_{what}": spread([turn[how][which] for turn in turns])
        for how in ways for which, what in enumerate(("first_step_s", "finished_s", "gone_s"))},
        indent=1))


def timed(executor: Executor) -> tuple[float, float, float]:
    """Seconds from the start to the first step, to the finished result, and to the end of the process."""
    run = runs.new_run({"dataset": {"name": "synthetic", "params": {}}, "quantizer": {"name": "rqvae", "params": SMALL}})
    begun = time.perf_counter()
    child, first_s, finished_s = executor.submit(run, 1), 0.0, 0.0
    while child.poll() is None:
        status = run.status
        first_s = first_s or (status.step > 0) * (time.perf_counter() - begun)
        finished_s = finished_s or (status.state == "finished") * (time.perf_counter() - begun)
        time.sleep(0.01)
    gone_s = time.perf_counter() - begun
    if run.state != "finished":
        raise RuntimeError(run.status.message)
    return first_s, finished_s or gone_s, gone_s


def spread(values: list[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": round(statistics.median(values), 2), "min": round(min(values), 2), "max": round(max(values), 2)}


if __name__ == "__main__":
    main()
