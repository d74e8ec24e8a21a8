"""Trainings in processes of their own: recorded with numpy and safetensors alone, seen from here, and ended in every way."""

import os
import signal
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tests.support.training import until, wait_for
from tiger import datasets, reports, runs

pytestmark = pytest.mark.processes
PROJECT = Path(__file__).resolve().parents[2]
BEGIN = """
    import sys, time
    import numpy as np
    import tiger
    rng = np.random.default_rng(0)
    emb_IE = rng.normal(size=(70, 5)).astype(np.float32)
    rec = tiger.watch("elsewhere", embeddings=emb_IE, item_ids=[f"i{i}" for i in range(70)], n_codes=[8, 8])
    print(rec.run.id, flush=True)
    for step in range(0, 50, 10):
        rows = rng.integers(0, 70, 64)
        rec.log(step, codes=np.stack([rows % 8, rows // 9], 1), rows=rows, losses={"loss": 1.0})
"""


def begin(tiger_home, then: str, before: str = "") -> subprocess.Popen:
    """A program that records five steps and then does something."""
    code = textwrap.dedent(before) + textwrap.dedent(BEGIN) + textwrap.dedent(then)
    environment = {**os.environ, "TIGER_HOME": str(tiger_home)}
    return subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def run_of(program: subprocess.Popen) -> runs.Run:
    """The run that the program says it records."""
    return runs.find(program.stdout.readline().strip())


LIGHT = """
    import sys
    class Refuse:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in {refused!r}:
                raise ImportError(name + " is not installed")
    sys.meta_path.insert(0, Refuse())
"""


def test_an_environment_with_numpy_and_safetensors_alone_records_a_whole_run(tiger_home):
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [entry for entries in declared["optional-dependencies"].values() for entry in entries]
    names = {entry.split(">")[0].split("[")[0].replace("-", "_") for entry in extras} - {"tiger_lab"} | {"sklearn", "umap"}
    program = begin(tiger_home, "rec.close(codes=np.stack([np.arange(70) % 8, np.arange(70) // 9], 1))",
                    LIGHT.format(refused=names))
    run = run_of(program)
    assert program.wait(60) == 0, program.stderr.read()
    assert run.state == "finished" and run.codes()[:10, 1].tolist() == [0] * 9 + [1]
    cat = datasets.load_ref(run.config.dataset)
    assert cat.n_items == 70 and reports.diagnose(run, cat).signs.perplexity[0] > 7.9


def test_a_program_that_is_killed_shows_as_ended_at_once_and_keeps_what_was_recorded(tiger_home):
    program = begin(tiger_home, "print('ready', flush=True); time.sleep(600)")
    run = run_of(program)
    assert program.stdout.readline() == "ready\n" and run.state == "running"
    program.send_signal(signal.SIGKILL)
    program.wait(30)
    assert run.state == "interrupted" and len(run.events()[0]) == 5 and run.snapshots()
    cat = datasets.load_ref(run.config.dataset)
    assert reports.diagnose(run, cat).signs.n_items > 30


@pytest.mark.parametrize(("then", "state", "message"), [
    ("", "stopped", "The program ended without close()."),
    ("raise RuntimeError('out of memory')", "failed", "The training ended with RuntimeError: out of memory."),
    ("with rec: sys.exit(3)", "stopped", "The training ended with SystemExit: 3."),
    ("import os; os.fork() and os.wait(); rec.close()", "finished", "The codes are those")])
def test_however_the_program_ends_the_run_says_so(tiger_home, then, state, message):
    program = begin(tiger_home, then)
    run = run_of(program)
    program.communicate(timeout=60)
    assert run.state == state and run.status.message.startswith(message)


def test_programs_at_the_same_time_do_not_disturb_each_other(tiger_home):
    programs = [begin(tiger_home, "rec.close()") for _ in range(3)]
    made = [run_of(program) for program in programs]
    for run in made:
        until(run, "finished")
    wait_for(lambda: all(program.poll() == 0 for program in programs), "the programs")
    assert len({run.id for run in made}) == 3 and len({str(run.config.dataset) for run in made}) == 1
    assert all([event["step"] for event in run.events()[0]] == [0, 10, 20, 30, 40] for run in made)
    assert np.array_equal(made[0].codes(), made[1].codes())
