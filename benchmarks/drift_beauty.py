"""How long does the comparison of seven remedies take on Amazon Beauty (12,101 items) at one drift strength?

    python benchmarks/drift_beauty.py PATH/amazon-beauty [--threads 2] [--strength 0.5]

Trains an RQ-VAE on Beauty first (not counted), then carries the study out as the page does: in a worker process,
with a small recommender trained on the spot. Prints wall and processor seconds and the rows. Aim: under five
minutes on two cores.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def worker(path: Path) -> tuple[float, float]:
    """Execute a run; wall seconds and processor seconds of its process."""
    before, start_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, "-m", "tiger.runs.worker", str(path)], cwd=PROJECT, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - start_s, used_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="folder with amazon-beauty.inter and amazon-beauty.item")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--strength", type=float, default=0.5)
    parser.add_argument("--quantizer-steps", type=int, default=600)
    parser.add_argument("--home", default="", help="workspace to use and keep")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"TIGER_HOME": args.home or home, "TIGER_THREADS": str(args.threads)}
        sys.path.insert(0, str(PROJECT))
        from tiger import runs
        from tiger.reports.drift import drift_frame, drift_table, winner_summary
        from tiger.runs import study_artifacts

        ref = {"name": "recbole", "params": {"path": str(Path(args.path).resolve())}, "embedding": {"method": "tfidf"}}
        parent = next((run for run in runs.list_runs() if run.title == "drift benchmark" and run.state == "finished"), None)
        if parent is None:
            parent = runs.new_run({"title": "drift benchmark", "dataset": ref,
                                   "quantizer": {"name": "rqvae", "params": {"n_steps": args.quantizer_steps}}})
            wall_s, used_s = worker(parent.path)
            print(f"quantizer: {wall_s:.0f} s wall, {used_s:.0f} s processor", flush=True)
        asked = {"strengths": str(args.strength), "recommender_epochs": 3}
        study = runs.new_run(study_artifacts.request("drift", ref, parent.id, asked, title="drift benchmark study"))
        wall_s, used_s = worker(study.path)
        print(f"study: {study.state} in {wall_s:.0f} s wall, {used_s:.0f} s processor, {args.threads} threads, "
              f"load {os.getloadavg()[0]:.1f}")
        frame = drift_frame(study_artifacts.rows(study))
        if len(frame):
            print(drift_table(frame).T.to_string(), "\n", winner_summary(frame))
        else:
            print(study.status.message)


if __name__ == "__main__":
    main()
