"""A real Ray cluster of two nodes on this machine, started once a session of tests and ended with it."""

import os
from collections.abc import Iterator
from typing import Any

from tests.support.oracles import oracle


def start() -> Iterator[Any]:
    """A cluster of two nodes with one core each; the test is skipped without Ray, and fails in CI."""
    Cluster = oracle("ray.cluster_utils", "Ray is not installed; pip install 'tiger-lab[ray]' to run this test").Cluster
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}  # its own 15 starves beside other tests
    size = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_log_monitor": False}
    head = {"include_dashboard": True, "dashboard_port": 0, "no_monitor": True}  # nobody reads what the two would watch
    cluster = Cluster(initialize_head=True, head_node_args=size | head)
    try:
        cluster.add_node(**size)
        yield cluster
    finally:
        cluster.shutdown()


def dashboard(cluster: Any) -> str:
    """What ``RAY_ADDRESS`` says of the cluster."""
    return f"http://{cluster.head_node.address_info['webui_url']}"
