"""Make the bundled studies of the demo run: drift, a schedule, cold start, diversity, and those of lessons alone.

    python data/make_studies.py [--work FOLDER] [NAME ...]

Each is carried out as any study is and copied to data/runs without weights; together they take some minutes.
With a folder to work in, a study that was interrupted goes on behind its last row.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent
QUIET: dict[str, Any] = {"rotation": 0.0, "shift": 0.0, "noise": 0.0, "replaced": 0.0, "season": 0.0, "strengths": "1",
                         "recommender": False}
STUDIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "demo-drift": ("drift", "Drift of the demo run", {
        "strengths": "0, 0.5, 1", "fine_steps": 60, "recommender_users": 200, "regain_steps": 30}),
    "demo-schedule": ("drift", "Four seasons of the demo run", {
        "strengths": "0.5", "periods": 4, "season": 0.2, "fine_steps": 30, "remedies": "1, 2, 3, 6, 7",
        "recommender": False}),
    "demo-cold": ("cold", "Cold items of the demo shop", {"share": 0.2, "epochs": 6, "users": 1000, "n_steps": 300}),
    "demo-diversity": ("diversity", "Diversity of the demo shop", {"users": 400}),
    "lesson-rotation": ("drift", "Lesson: A rotation of all vectors", QUIET | {"rotation": 40.0, "remedies": "2, 7"}),
    "lesson-matching": ("drift", "Lesson: Codes of a retrained quantizer", QUIET | {
        "noise": 0.1, "remedies": "4, 5", "retrain_steps": 400}),
    "lesson-seasons": ("drift", "Lesson: A whole seasonal cycle", QUIET | {
        "season": 0.5, "periods": 4, "remedies": "2, 3", "fine_steps": 60}),
}
"""Id of a bundled study to its kind, its title and the parameters that differ from the defaults."""
KEPT = ("config.json", "status.json", "events.jsonl", "study.json", "rows.parquet")
LIMIT_BYTES = 500_000


def main(names: list[str]) -> None:
    """Carry out the named studies (all by default), each in a workspace of its own."""
    sys.path.insert(0, str(DATA.parent))
    work = names[1] if names[:1] == ["--work"] else ""
    for name in names[2:] if work else names or STUDIES:
        with tempfile.TemporaryDirectory() as home:
            os.environ["TIGER_HOME"] = str(Path(work) / name) if work else home
            keep(carried_out(*STUDIES[name]).path, DATA / "runs" / name)


def carried_out(kind: str, title: str, values: dict[str, Any]) -> Any:
    """The finished study: begun here, or gone on with where the same was asked before."""
    from tiger import runs
    from tiger.datasets import registry
    from tiger.runs import config as run_config
    from tiger.runs import study_artifacts, supervisor

    model = None if kind == "cold" else "demo-recommender"  # a cold study trains its own
    request = study_artifacts.request(kind, registry.bundled().ref, "demo-rqvae", values, model, title)
    asked = run_config.checked(request).study
    run = next((run for run in runs.list_runs() if run.title == title and not run.read_only
                and run.config.study == asked), None)
    if run is None:
        run = runs.new_run(request)
    else:
        supervisor.requeue(run, run.status, "queued")
    subprocess.run([sys.executable, "-m", "tiger.runs.worker", str(run.path)], cwd=DATA.parent, check=True,
                   env=os.environ | {"TIGER_THREADS": "1"})
    if run.state != "finished":
        raise SystemExit(f"'{title}' is {run.state}: {run.status.message}\n{run.log()}")
    return run


def keep(folder: Path, target: Path) -> None:
    """Copy the rows and what was asked, without what belongs to this machine."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in KEPT:
        shutil.copy(folder / name, target / name)
    for name, changes in (("config.json", {"id": target.name, "created_s": 0.0}),
                          ("status.json", {"pid": None, "heartbeat_s": 0.0})):
        about = json.loads((target / name).read_text(encoding="utf-8")) | changes
        (target / name).write_text(json.dumps(about, indent=1), encoding="utf-8")
    size = sum(path.stat().st_size for path in target.iterdir())
    print(f"{target}: {size / 1000:.0f} kB")
    if size > LIMIT_BYTES:
        raise SystemExit(f"{target.name} is larger than {LIMIT_BYTES / 1000:.0f} kB.")


if __name__ == "__main__":
    main(sys.argv[1:])
