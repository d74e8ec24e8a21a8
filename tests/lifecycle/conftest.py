"""Everything in this folder starts processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import ray_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """A Ray cluster of two nodes; the test is skipped without Ray."""
    yield from ray_cluster.start()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.processes)
