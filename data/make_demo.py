"""Make the bundled demo runs: two RQ-VAEs on the bundled shop, a recommender that writes the IDs of the larger one, and maps.

    python data/make_demo.py [small] [rqvae] [recommender] [maps]

``small`` is what the preset "Healthy" trains on the shop, and what the pages show first: its tree and its map can be read.
``rqvae`` has the paper's 3 x 256 codes. Each is trained as any run is, in about a minute, and copied to data/runs. The
networks are narrower than the papers', so that the runs stay below 2, 3 and 2 MB. One thread each, which every machine
has: the thread count is part of what makes a result come out the same. ``maps`` are the UMAPs that the Map page begins
with: of the shop's embeddings and of both runs' latent vectors.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DATA = Path(__file__).resolve().parent
SMALL = {"title": "Demo: 5 levels of 16 codes", "preset": "healthy"}  # and what the preset asks for on the shop
RQVAE = {"title": "Demo: 3 levels of 256 codes", "preset": "healthy",
         "quantizer": {"name": "rqvae", "params": {"hidden": "256-128-64", "n_steps": 600}}}
RECOMMENDER = {"title": "Demo recommender", "kind": "model", "ids": {"run": "demo-rqvae"},
               "model": {"name": "rq_transformer",
                         "params": {"width": 64, "n_layers": 2, "n_heads": 4, "n_epochs": 15, "dropout": 0.2,
                                    "learning_rate": 3e-3, "batch_size": 64, "prefix_vectors": False}}}
DEMOS = {"small": (SMALL, 2.0), "rqvae": (RQVAE, 3.0), "recommender": (RECOMMENDER, 2.0)}  # what is asked, and the limit in MB
LEFT_OUT = (".lock", "checkpoint", "control.json", "log.txt", "step_trace.json", "step_trace.safetensors")


def main() -> None:
    """Train in a workspace of its own, then replace the bundled runs."""
    sys.path.insert(0, str(DATA.parent))
    from tiger import datasets
    from tiger.runs import presets

    healthy = presets.fitted(presets.quantizer_presets()[0], datasets.load("synthetic").n_items)
    SMALL["quantizer"] = {"name": healthy.quantizer.name, "params": healthy.quantizer.params}
    for name in sys.argv[1:] or [*DEMOS, "maps"]:
        if name == "maps":
            make_maps()
            continue
        asked, limit_mb = DEMOS[name]
        target = DATA / "runs" / f"demo-{name}"
        make(asked, target)
        size_mb = sum(path.stat().st_size for path in target.rglob("*") if path.is_file()) / 2**20
        print(f"{target}: {size_mb:.2f} MB")
        if size_mb > limit_mb:
            raise SystemExit(f"{target.name} is larger than {limit_mb:g} MB; make the network narrower.")


def make(asked: dict, target: Path) -> None:
    """Train one run and keep it in ``target``."""
    from tiger import runs
    from tiger.datasets import registry

    with tempfile.TemporaryDirectory() as home:
        os.environ["TIGER_HOME"] = home
        run = runs.new_run(asked | {"dataset": registry.bundled().ref})
        subprocess.run([sys.executable, "-m", "tiger.runs.worker", str(run.path)], cwd=DATA.parent, check=True,
                       env=os.environ | {"TIGER_THREADS": "1"})
        if run.state != "finished":
            raise SystemExit(f"The demo run is {run.state}: {run.status.message}\n{run.log()}")
        keep(run.path, target)


def make_maps() -> None:
    """The UMAPs that the map begins with, computed as a worker does."""
    from tiger import datasets, runs
    from tiger.datasets import registry
    from tiger.runs import layouts, supervisor

    target, ref = DATA / "maps", registry.bundled().ref
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["TIGER_HOME"] = home
        small, large = runs.find("demo-small"), runs.find("demo-rqvae")
        content = datasets.load_ref(ref).content.digest
        for run, space in ((None, "input"), (small, "latent"), (large, "latent")):
            made = runs.new_run(layouts.request(ref, run, space, layouts.UmapParams(), content))
            if supervisor.launch(made, 1).wait() or made.state != "finished":
                raise SystemExit(f"The map is {made.state}: {made.status.message}\n{made.log()}")
        shutil.copytree(Path(home) / "cache" / "maps", target)
    print(f"{target}: {len(list(target.iterdir()))} maps")


def keep(folder: Path, target: Path) -> None:
    """Copy the result without what belongs to this machine or to a worker."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name, changes in (("config.json", {"id": target.name, "created_s": 0.0}),
                          ("status.json", {"pid": None, "heartbeat_s": 0.0})):
        about = json.loads((target / name).read_text(encoding="utf-8")) | changes
        (target / name).write_text(json.dumps(about, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
