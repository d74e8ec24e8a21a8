"""The local engine takes up again what a killed worker process had, a bounded number of times."""

import signal
import sys
from types import ModuleType

import pytest

from tests.support.deadly import Deadly
from tiger.runs.bulk import engines
from tiger.runs.bulk.engines import LocalEngine


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_pieces_of_a_killed_process_are_done_again_a_bounded_number_of_times(tmp_path, monkeypatch):
    """Killed once, nothing is missing or counted twice; killed always, one sentence ends it, and the engine goes on to work.

    The program that begins the processes must not be run by them again.
    """
    program = ModuleType("__main__")
    program.__file__ = str(tmp_path / "program.py")
    (tmp_path / "program.py").write_text("raise RuntimeError('run again')\n")
    monkeypatch.setitem(sys.modules, "__main__", program)
    once, always = tmp_path / "once", tmp_path / "always"
    once.mkdir()
    always.mkdir()
    engine = LocalEngine(2)
    try:
        assert sorted(engine.each(Deadly(once, 1), "count", range(8))) == list(range(1, 9))
        assert len(list(once.glob("death-*"))) == 1 and len(list(once.glob("count-*"))) == 8
        with pytest.raises(ChildProcessError, match=r"died 4 times while it did 'count' of piece \d.*fewer --workers"):
            list(engine.each(Deadly(always, 100), "count", range(8)))
        assert len(list(always.glob("death-*"))) == engines.TRIES + 1
        assert sorted(engine.each(Deadly(once, 1), "again", range(2))) == [1, 2]
    finally:
        engine.close()
