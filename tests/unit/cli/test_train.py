"""Training at the command line: followed, interrupted and resumed; which flags belong to what trains."""

import contextlib
import io
import itertools
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import SMALL, ask
from tests.support.training import config, wait_for, write_shop
from tiger import quantizers, runs
from tiger.cli import flags, train
from tiger.core import files, params, paths
from tiger.runs.config import flags as written
from tiger.runs.records import Status


@pytest.fixture
def shop(tiger_home, tmp_path):
    write_shop(tmp_path / "shop")
    return ["--dataset", "recbole", "--data-path", str(tmp_path / "shop")]


@contextlib.contextmanager
def followed(log: Path, *words: str):
    """The command as a process that a terminal could interrupt; what it draws there, its bar, can be read while it runs."""
    with log.open("w") as drawn:
        child = subprocess.Popen([sys.executable, "-m", "tiger", *words], cwd=paths.PROJECT, stdout=subprocess.PIPE,
                                 stderr=drawn, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="sends an interrupt as a terminal would")
def test_an_interrupt_ends_the_worker_so_that_the_run_can_be_resumed_and_interrupted_again(shop, tmp_path):
    log = tmp_path / "bar"
    with followed(log, "train", *shop, *SMALL, "--n-steps", "1000000") as child:
        run = wait_for(lambda: next((run for run in runs.list_runs() if not run.read_only), None), "the run")
        wait_for(lambda: run.status.step > 0, "the first step")
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=60)
    assert child.returncode == 0, log.read_text()
    assert run.state == "stopped" and "Stopped after" in out and "step" in log.read_text()
    before = run.status.step
    with followed(log, "runs", "resume", run.id) as resumed:
        wait_for(lambda: run.state == "running", "a state that is true from the start")
        wait_for(lambda: run.state != "running" or run.status.step > before, "going on")
        wait_for(lambda: [bar for bar in log.read_text().replace("\r", "\n").splitlines()
                          if "training" in bar and "/1000000" in bar], "a bar that follows the training")
        worker = run.status.pid
        assert run.state == "running" and worker != resumed.pid
        resumed.send_signal(signal.SIGINT)
        out, _ = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, log.read_text()
    assert run.state == "stopped" and run.status.attempt == 2 and "Stopped after" in out
    assert not files.pid_alive(worker), "the worker is not left behind"


def test_the_bar_says_every_stage_at_once_and_counts_this_attempt_alone():
    """A run that was resumed at step 900 and makes ten steps a second; tqdm by itself shows nothing until as many steps are
    made as at the last look, and calls the 900 steps of the first attempt this one's rate."""
    clock, drawn = [100.0], io.StringIO()
    with train.progress(unit="step", file=drawn, ncols=100) as bar:
        bar._time = lambda: clock[0]
        for stage, step in [("", 0), ("starting", 900), ("training", 900), ("training", 910), ("training", 920), ("saving", 920)]:
            clock[0] += 1
            train.show(bar, Status(state="running", stage=stage, step=step, n_steps=1000 if stage else 0))
    looks = re.findall(r"(\w+): [^\r]*?(\d+)/1000 [^\r]*?([?\d.]+)step/s", drawn.getvalue())
    assert [look for look, _ in itertools.groupby(looks) if look[1] != "0"][:5] == [
        ("starting", "900", "?"), ("training", "900", "?"),
        ("training", "910", "5.00"),  # ten in the two seconds since it began
        ("training", "920", "7.08"),  # ten in a moving mean of 2 and 1 seconds, (0.7 * 0.3 * 2 + 0.3) / (1 - 0.49)
        ("saving", "920", "7.08")]


def test_a_resumed_run_is_running_before_its_worker_speaks(tiger_home, monkeypatch, capsys):
    """The status names the command itself, which lives; a run without a process would be "interrupted"."""
    run = runs.new_run(config({"name": "synthetic", "params": {}}))
    files.write_json(run.path / "status.json", run.status.to_json() | {"state": "stopped"})
    seen = []
    monkeypatch.setattr(train, "follow", lambda made, args: seen.append(made.status))
    assert ask(capsys, "runs", "resume", run.id)[0] == 0
    assert (seen[0].state, seen[0].pid, seen[0].stage) == ("running", os.getpid(), "starting")


@pytest.mark.parametrize(("words", "name"), [
    (["lsh"], "lsh"),
    (["--dataset=synthetic", "rkmeans", "--n-iterations", "5"], "rkmeans"),
    (["--dataset", "synthetic", "--data-n-items", "90", "rkmeans"], "rkmeans"),
    (["--no-ema", "lsh"], "lsh"),
    (["--json", "vqvae", "--ema"], "vqvae"),
    (["--title", "lsh", "rkmeans"], "rkmeans"),
    (["--title", "lsh"], None),
    (["--title=lsh", "--ids", "rqvae"], None),
    (["--n-codes"], None),
])
def test_what_trains_is_found_wherever_its_name_stands(words, name):
    assert train.named_learner(words) == name


@pytest.mark.parametrize("name", list(quantizers.REGISTRY))
def test_every_hyper_parameter_is_a_flag_and_comes_back(name, capsys):
    """Each flag, set to another value than the default, arrives as that value."""
    cls = quantizers.REGISTRY[name]
    code, out, _ = ask(capsys, "train", name, "--help")
    assert code == 0
    for spec in params.specs(cls):
        assert flags.flag(spec.name) in out
        if spec.kind is bool:
            value = not spec.default
        elif spec.choices:
            value = next(choice for choice in spec.choices if choice != spec.default)
        elif spec.kind is str:
            value = "8-4"
        else:
            value = spec.kind(spec.low if spec.low != spec.default else spec.high)
        parser = flags.Parser("x")
        flags.add_specs(parser, cls, "all")
        args = parser.parse_args(written({spec.name: value}))
        assert flags.given_specs(args, cls) == {spec.name: value}
