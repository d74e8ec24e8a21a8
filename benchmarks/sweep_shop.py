"""How long a sweep of 24 small runs on the bundled shop takes, and where the time goes.

    python benchmarks/sweep_shop.py

Two KoLeo weights times three learning rates times four seeds of the RQ-VAE in the size that Train proposes for the shop (5
levels of 16 codes, 300 steps), as the worker trains them: in one process for each core. Prints JSON: seconds from the start of
the worker to its end, processor seconds of all of its processes, seconds until the first run was made (libraries are loaded),
and what mattered. The same on the command line:

    python -m tiger sweep rqvae --vary koleo=0,0.1 --vary learning_rate=0.001,0.003,0.01 --seeds 0-3 --n-levels 5 --n-codes 16 \\
        --hidden 128 --n-steps 300 --batch-size 512 --log-every 5

Target: under three minutes on two cores.
"""

import json
import os
import resource
import tempfile
import time

from bare import machine

from tiger import runs
from tiger.datasets import registry
from tiger.reports import sweeps
from tiger.runs import presets, supervisor, sweep
from tiger.runs.executors.local import n_cores
from tiger.runs.records import LearnerConfig, RunConfig, SweepRequest

GRID = {"koleo": [0.0, 0.1], "learning_rate": [0.001, 0.003, 0.01]}


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["TIGER_HOME"] = home
        base = RunConfig("quantizer", registry.bundled().ref, quantizer=LearnerConfig("rqvae", presets.SMALL))
        run = runs.new_run(sweep.run_config_of(base, SweepRequest(GRID, [0, 1, 2, 3])), supervisor.taken())
        start_s = time.time()
        code = supervisor.launch(run, 1).wait()
        took_s = time.time() - start_s
        found = sweeps.result(run)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        first_s = min(runs.find(member.run_id).config.created_s for member in sweep.members(run)) - start_s
        print(json.dumps({
            "state": run.state, "exit_code": code, "runs": len(found.runs), "seconds": round(took_s, 1),
            "processor_seconds": round(used.ru_utime + used.ru_stime, 1), "first_run_after_s": round(first_s, 1),
            "summary": found.summary,
            "processes": min(n_cores(), 8), "machine": machine()}, indent=1))


if __name__ == "__main__":
    main()
