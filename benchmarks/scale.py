"""How the bulk steps grow: 10^5, 10^6 and 10^7 vectors of width 64 on this machine, on one and two threads.

    python benchmarks/scale.py [--rows 100000 1000000 10000000] [--threads 1 2] [--folder FOLDER] [--stages encode_rqvae ...]

Vectors are 4,096 normal clusters (seed 0) in a memory-mapped npy file in a temporary folder (2.6 GB at 10^7). Stages:

    encode_rqvae    codes of the default RQ-VAE (3 x 256 codes; 20 steps of training, since weights do not change the work)
    encode_rkmeans  codes of residual k-means (3 x 256 codes, learned from 20,000 rows)
    kmeans          one level of 256 codes, 5 iterations, from at most 10^6 rows spread evenly, then every row assigned once
    unique          SemanticIds.from_codes of the codes of encode_rkmeans: the collision level
    tree            counts of every prefix and every code
    trie            the trie of the unique IDs

Each measurement is a process of its own: seconds, processor seconds (on a busy machine the better figure), and the most anonymous
memory it held, libraries included and the mapped file left out. "unique", "tree" and "trie" are one sort each and use one thread.
"slope" is that of log processor time over log rows (1: linear). Appends one JSON line a measurement to
benchmarks/logs/scale.jsonl; prints a table at the end.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bare import machine, use_threads  # isort: skip  before torch is imported
import torch

from tiger import metrics, quantizers
from tiger.analysis import tree
from tiger.core.sampling import even_sample
from tiger.quantizers import kmeans
from tiger.search.trie import Trie
from tiger.semantic_ids import SemanticIds

LOG = Path(__file__).parent / "logs" / "scale.jsonl"
WIDTH, N_CODES, BLOCK, SAMPLE = 64, 256, 100_000, 1_000_000
STAGES = ("encode_rqvae", "encode_rkmeans", "kmeans", "unique", "tree", "trie")
SERIAL = ("unique", "tree", "trie")


def make_vectors(path: Path, n_rows: int) -> None:
    """Clustered vectors on disk, the first rows the same whatever their number."""
    rng = np.random.default_rng(0)
    centre_KE = rng.standard_normal((4096, WIDTH), np.float32)
    rows_NE = np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, WIDTH))
    for start in range(0, n_rows, BLOCK):
        part = rows_NE[start:start + BLOCK]
        part[:] = centre_KE[rng.integers(0, len(centre_KE), len(part))] + 0.5 * rng.standard_normal(part.shape, np.float32)
    rows_NE.flush()


class PeakMemory(threading.Thread):
    """The most anonymous memory that this process holds while it runs, in GB; nan where the system does not say."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_gb, self.ended = float("nan"), threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.05):
            self.look()

    def look(self) -> None:
        status = Path("/proc/self/status")
        if status.exists():
            line = next((line for line in status.read_text().splitlines() if line.startswith("RssAnon")), "RssAnon: nan")
            self.peak_gb = np.fmax(self.peak_gb, float(line.split()[1]) / 1e6)


def work_of(stage: str, folder: Path, n_rows: int) -> Callable[[], object]:
    """What a stage computes, everything that is not measured done."""
    rows_NE = np.load(folder / "vectors.npy", mmap_mode="r")[:n_rows]
    codes_path = folder / f"codes-{n_rows}.npy"
    if stage == "encode_rqvae":
        rqvae = quantizers.create("rqvae", n_steps=20).fit(np.array(rows_NE[:20_000]))
        return lambda: rqvae.encode(rows_NE)
    if stage == "encode_rkmeans":
        residual = quantizers.create("rkmeans", n_iterations=5).fit(np.array(rows_NE[:20_000]))
        return lambda: np.save(codes_path, residual.encode(rows_NE).astype(np.int16))
    if stage == "kmeans":
        level = quantizers.create("rkmeans", n_levels=1)

        def cluster() -> None:
            sample_NE = np.array(rows_NE[even_sample(n_rows, SAMPLE)])
            level.load_tensors({"codebook.0": torch.from_numpy(kmeans.centres(sample_NE, N_CODES, 0, 5))})
            level.encode(rows_NE)
        return cluster
    codes_IL = np.load(codes_path)
    if stage == "unique":
        return lambda: SemanticIds.from_codes(codes_IL, N_CODES)
    if stage == "tree":
        return lambda: (tree.Branches.from_codes(codes_IL.astype(np.int64)), metrics.code_counts(codes_IL, N_CODES))
    ids = SemanticIds.from_codes(codes_IL, N_CODES)
    return lambda: Trie(ids.ids_IM, ids.n_codes).nbytes


def measure(stage: str, folder: Path, n_rows: int, threads: int) -> dict[str, object]:
    """One stage in this process."""
    use_threads(threads)
    work = work_of(stage, folder, n_rows)
    memory = PeakMemory()
    memory.look()
    before_gb, start_s, start_cpu_s = memory.peak_gb, time.perf_counter(), time.process_time()
    memory.start()
    found = work()
    memory.look()
    seconds, cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
    memory.ended.set()
    more = {}
    if isinstance(found, SemanticIds):
        more = {"n_codes": found.n_codes, "unique_codes": len(np.unique(found.codes_IL @ [N_CODES**2, N_CODES, 1]))}
    elif isinstance(found, int):
        more = {"trie_gb": round(found / 1e9, 3)}
    return {"stage": stage, "rows": n_rows, "threads": threads, "seconds": round(seconds, 2), "cpu_s": round(cpu_s, 2),
            "rows_per_s": round(n_rows / seconds), "rows_per_cpu_s": round(n_rows / cpu_s), "before_gb": round(before_gb, 2),
            "peak_gb": round(memory.peak_gb, 2), **more, "machine": machine()}


def slopes(rows: list[dict]) -> list[str]:
    """How each stage's processor time grows."""
    found = []
    for stage in STAGES:
        for threads in sorted({row["threads"] for row in rows if row["stage"] == stage}):
            mine = [row for row in rows if row["stage"] == stage and row["threads"] == threads]
            if len(mine) > 1:
                slope = np.polyfit(np.log([row["rows"] for row in mine]), np.log([row["cpu_s"] for row in mine]), 1)[0]
                found.append(f"{stage} on {threads}: slope {slope:.2f}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--folder", type=Path, help="for the vectors; a temporary one by default")
    parser.add_argument("--one", action="store_true", help="measure one stage in this process (used by the script itself)")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.stages[0], given.folder, given.rows[0], given.threads[0])))
        return
    rows: list[dict] = []
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        make_vectors(Path(name) / "vectors.npy", max(given.rows))
        for n_rows in sorted(given.rows):
            for stage in given.stages:
                for threads in given.threads[:1] if stage in SERIAL else given.threads:
                    words = ["--one", "--stages", stage, "--rows", str(n_rows), "--threads", str(threads), "--folder", name]
                    said = subprocess.run([sys.executable, __file__, *words], check=True, capture_output=True, text=True)
                    rows.append(json.loads(said.stdout.splitlines()[-1]))
                    with LOG.open("a") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
                    print({key: value for key, value in rows[-1].items() if key != "machine"}, flush=True)
    print("\n".join(slopes(rows)))


if __name__ == "__main__":
    main()
