"""Bulk work from the command line: what the machinery behind it says is no answer."""

import argparse

from tiger.cli import bulk
from tiger.runs.bulk import engines


class Talkative(engines.LocalEngine):
    """Prints while it works, as Ray's driver does where a task's process died."""

    def each(self, work, stage, numbers):
        print("(raylet) A worker died or was killed while executing a task.")
        yield from numbers


def test_what_an_engine_prints_is_no_answer(monkeypatch, capsys):
    monkeypatch.setitem(engines.REGISTRY, "ray", Talkative)
    with bulk.engine_of(argparse.Namespace(engine="ray", workers=1)) as engine:
        assert list(engine.each(None, "count", range(3))) == [0, 1, 2]
    print("the answer")
    found = capsys.readouterr()
    assert found.out == "the answer\n" and "(raylet)" in found.err
