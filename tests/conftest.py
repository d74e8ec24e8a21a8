"""What all tests share: the real data next to the checkout, a workspace of their own, a catalogue worked by hand."""

import functools
import gc
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes share the cores, and each leaves some to its workers
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}  # a test's cluster is nobody else's

import hypothesis
import numpy as np
import pandas as pd
import pytest

from tiger.core import limited
from tiger.datasets.catalogue import Catalogue

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or every process that a test starts compiles the lab anew
sys.dont_write_bytecode = False
hypothesis.settings.register_profile("busy", deadline=None)  # a busy machine is slow, not wrong
hypothesis.settings.load_profile("busy")
PROJECT = Path(__file__).resolve().parent.parent
_may_start_processes = [True]


@functools.wraps(subprocess.Popen.__init__)
def _unless_refused(self: subprocess.Popen, args: Any, *rest: Any, **how: Any) -> None:
    if not _may_start_processes[0] and "python" in str(args):
        raise AssertionError(f"mark this test with pytest.mark.processes, since it starts one: {args}")
    _unless_refused.__wrapped__(self, args, *rest, **how)


subprocess.Popen.__init__ = _unless_refused  # type: ignore[method-assign]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their number: a packed file holds the second it was packed, and every worker packs its own."""
    return f"{len(val)}_bytes" if isinstance(val, bytes) else None


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Modules and tests stay: no garbage collection looks at their million objects again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test that starts a Python says so by its marker, so that ``--quick`` can leave it out."""
    _may_start_processes[0] = bool(item.get_closest_marker("processes") or item.get_closest_marker("browser"))
    try:
        return (yield)
    finally:
        _may_start_processes[0] = True


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Whole files go to a process, and all that drives a browser, or all that starts workers, to one.

    A browser and a server of their own in each of three processes took 160 seconds of processor time more. The class has servers
    of its own in any case, and need not wait for the others, which take longest.
    """
    from xdist.scheduler import LoadFileScheduling

    class ByServer(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            if file.endswith("test_classroom.py"):
                return file
            return next((folder for folder in ("tests/browser/", "tests/lifecycle/") if file.startswith(folder)), file)

    return ByServer(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # of the processes that test, the one that reports
        config.pluginmanager.register(SaysAtOnce(config.pluginmanager))


class SaysAtOnce:
    """What failed and what was tried a second time is named when it happens: a run that is cut off has no summary.

    Second tries stand once more at the end, where a reader begins: pytest itself says only how many there were.
    """

    def __init__(self, plugins: pytest.PytestPluginManager) -> None:
        self.plugins, self.again = plugins, list[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome in ("failed", "rerun"):
            crash = getattr(report.longrepr, "reprcrash", None)
            where, why = (f" ({crash.path}:{crash.lineno})", crash.message) if crash else ("", report.longreprtext)
            what = "second try of" if report.outcome == "rerun" else f"failed in its {report.when}:"
            words = f"{what} {report.nodeid}{where}: {why[:2000]}"
            self.plugins.get_plugin("terminalreporter").write_line(f"\n{words}")
            if report.outcome == "rerun":
                self.again.append(words)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for words in self.again:
            terminalreporter.write_line(words)


@pytest.fixture(autouse=True)
def _files_are_read_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server reads in a process of its own is read in this one, unless the test is marked as starting processes.

    The same task leaves the same files; only a second start of Python and pandas and the limits are left out.
    """
    if not request.node.get_closest_marker("processes"):
        monkeypatch.setattr(limited, "in_child", lambda folder, _: limited.main(folder, lambda *_: None))


@pytest.fixture
def unfolded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that pages fold away is unfolded; much of it is made only then."""
    import streamlit as st
    expander = st.expander
    monkeypatch.setattr(st, "expander", lambda label, expanded=True, **how: expander(label, True, **how))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data sets; a test that needs it is skipped without it, and fails in CI."""
    path = Path(os.environ.get("TIGER_SHARED_DATA") or PROJECT.parent / "shared" / "data")
    if not path.is_dir():
        reason = f"the real data sets are not at {path}; set TIGER_SHARED_DATA to their folder"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch computes on one thread: small batches train fastest so, and sums are the same everywhere."""
    import torch
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiger_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty workspace that is gone after the test, and its supervisor and workers with it."""
    home = tmp_path / "workspace"
    monkeypatch.setenv("TIGER_HOME", str(home))
    yield home
    supervisors = sys.modules["tiger.runs.supervisor"].SUPERVISORS if "tiger.runs.supervisor" in sys.modules else {}
    if supervisor := supervisors.pop(home.resolve(), None):
        supervisor.close()
        for child in supervisor.children.values():
            child.kill()
            child.wait()


@pytest.fixture
def tiny() -> Catalogue:
    """Six items in two categories and four users; item 5 is cold, user "d" has too few items for the split.

    Embeddings are three numbers: candles point along the first axis, soaps along the second.
    """
    items = pd.DataFrame({
        "item_id": ["c1", "c2", "c3", "s1", "s2", "s3"],
        "title": ["Red candle", "Blue candle", "Tall candle", "Rose soap", "Mint soap", "Salt soap"],
        "text": ["Red candle wax", "Blue candle wax", "Tall candle wax", "Rose soap bar", "Mint soap bar",
                 "Salt soap"],
        "category": ["Home > Candles"] * 3 + ["Bath > Soaps"] * 3})
    histories = [[0, 1, 2, 3], [1, 0, 1], [3, 4, 3, 4, 0], [2, 0]]
    emb_IE = np.array([[1, 0, 0], [0.9, 0.1, 0], [0.8, 0, 0.2], [0, 1, 0], [0.1, 0.9, 0], [0, 0.8, 0.2]],
                      np.float32)
    indptr_U1 = np.cumsum([0, *map(len, histories)]).astype(np.int64)
    history_items = np.concatenate([np.array(history, np.int64) for history in histories])
    return Catalogue("Tiny", items, indptr_U1, history_items, ["a", "b", "c", "d"], emb_IE)
