"""How long a visitor waits for the server: Tree cold and warm, and every interaction of Map, on a real catalogue.

    python benchmarks/map_tree_pages.py --data PATH [--run RUN_ID]

``--data`` is a folder of RecBole's atomic files (Amazon Beauty: 12,101 items). Without ``--run`` a residual k-means
of 3 x 256 codes is trained first, which is not timed. The server's part only: one script run from a click to the
last element, without the network and the browser's drawing. Cold: the run's first visit of the page, with libraries
and catalogue in memory.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--run")
    args = parser.parse_args()
    if not args.run:
        os.environ["TIGER_HOME"] = tempfile.mkdtemp()
    run_id = args.run or train(args.data)
    from pages_help import open_page

    from tiger.ui.shared.pagelist import BY_KEY

    for page in ("tree", "map"):  # on the bundled shop: loads the libraries
        open_page(BY_KEY[page])
    open_page(BY_KEY["catalogue"], run=run_id)  # loads the catalogue
    tree: list = []
    timed("Tree, cold", lambda: tree.append(open_tree(run_id)))
    app = tree[0]
    warm("Tree, warm", app, {"level": ("1", "2", "3", "2", "1")})
    warm("Tree, one more hyperplane", app, {"planes": ("5", "6", "7", "8", "9")})
    open_page(BY_KEY["tree"], run=run_id, view="Numbers")
    warm("Tree, numbers", open_page(BY_KEY["tree"], run=run_id, view="Numbers"), {"level": ("1", "2", "3", "2", "1")})
    shown: list = []
    timed("Map, cold", lambda: shown.append(open_page(BY_KEY["map"], run=run_id)))
    app = shown[0]
    warm("Map, another item", app, {"item": ("11", "222", "3333", "4444", "5555")})
    warm("Map, levels coloured", app, {"level": ("1", "2", "3", "2", "1")})
    warm("Map, lasso of 200", app, {"group": tuple("-".join(map(str, range(n, n + 200))) for n in range(5))})
    warm("Map, 3-D", open_page(BY_KEY["map"], run=run_id, axes="3-D"), {"item": ("1", "2", "3", "4", "5")})


def train(data: str) -> str:
    from tiger import runs
    from tiger.cli import main as cli
    if cli.main(["train", "rkmeans", "--dataset", "recbole", "--data-path", data, "--json"]):
        sys.exit(1)
    return runs.list_runs()[0].id


def open_tree(run_id: str) -> object:
    """The tree page without the visit to Home before it, which every test of a page begins with."""
    from pages_help import APP
    from streamlit.testing.v1 import AppTest
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["run"] = run_id
    app._page_hash = ""
    app.switch_page("pages/tree.py")
    return app.run()


def timed(name: str, work: Callable[[], object]) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    work()
    say(name, [time.perf_counter() - start], [time.process_time() - cpu])


def warm(name: str, app: object, changes: dict[str, tuple[str, ...]]) -> None:
    """Change one thing in the address at a time; the first visit of each value is what is timed."""
    wall, cpu = [], []
    for key, values in changes.items():
        for value in values:
            app.query_params[key] = value  # type: ignore[attr-defined]
            start, used = time.perf_counter(), time.process_time()
            app.run()  # type: ignore[attr-defined]
            wall.append(time.perf_counter() - start)
            cpu.append(time.process_time() - used)
    say(name, wall, cpu)


def say(name: str, wall: list[float], cpu: list[float]) -> None:
    print(f"{name:>28}: {statistics.median(wall) * 1000:6.0f} ms  (slowest {max(wall) * 1000:.0f}, "
          f"processor time {statistics.median(cpu) * 1000:.0f})", flush=True)


if __name__ == "__main__":
    main()
