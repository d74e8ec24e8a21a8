"""What a quantizer run leaves: kept codes along the way, one stepped batch, and the final result."""

import os
import shutil

import numpy as np
from safetensors.numpy import save

from tiger.core import files
from tiger.core.sampling import even_sample
from tiger.models import Recommender
from tiger.quantizers import Quantizer
from tiger.runs import data, movie, outcome
from tiger.runs.run import RESULTS, Run
from tiger.semantic_ids import SemanticIds

N_SNAPSHOTS = 40
FEWEST_SNAPSHOTS = 12
SNAPSHOT_ITEMS = 20_000  # beyond, an even sample
ERROR_ITEMS = 512
TRACED = 64  # items of a stepped batch
BATCH = 8192


def snapshot_steps(n_steps: int, batch_size: int | None, n_items: int) -> set[int]:
    """When to keep the codes: half of the times close together at the start, half evenly over the run.

    Encoding every item costs about a sixth of training on it, so one snapshot in five epochs stays below
    4 % of the run; between 12 and 40 in all.
    """
    epochs = n_steps * (batch_size or n_items) / max(1, min(n_items, SNAPSHOT_ITEMS))
    n = int(np.clip(0.2 * epochs, FEWEST_SNAPSHOTS, N_SNAPSHOTS))
    early = np.geomspace(1, n_steps, n // 2)
    even = np.linspace(0, n_steps, n - n // 2 + 1)[1:]
    return {0, n_steps} | {round(step) for step in [*early, *even]}


def write_snapshot(run: Run, quantizer: Quantizer, emb_IE: np.ndarray, step: int) -> None:
    """Keep the codes and the mean error per level at this step."""
    whole = len(emb_IE) <= SNAPSHOT_ITEMS
    rows = np.arange(len(emb_IE)) if whole else even_sample(len(emb_IE), SNAPSHOT_ITEMS)
    codes_NL = quantizer.encode(emb_IE if whole else emb_IE[rows])
    narrow = np.int16 if max(quantizer.codes_per_level) <= 2**15 else np.int32
    kept: dict[str, np.ndarray] = {"codes": codes_NL.astype(narrow), "step": np.array(step)}
    if not whole:
        kept["rows"] = rows
    if quantizer.codebooks() is not None:
        some = even_sample(len(emb_IE), ERROR_ITEMS)
        kept["error"] = quantizer.trace(emb_IE[some])["error"].mean(0).astype(np.float32)
    folder = run.path / "snapshots"
    folder.mkdir(exist_ok=True)
    files.write(folder / f"{step:07d}.safetensors", save(kept))


def write_step_trace(run: Run, quantizer: Quantizer, emb_IE: np.ndarray, step: int) -> None:
    """Keep what happened to the batch of this step: residuals, chosen codes and errors, level by level."""
    if quantizer.codebooks() is None:
        return
    batch = getattr(quantizer, "batch_rows", None)
    rows = even_sample(len(emb_IE), TRACED) if batch is None else np.asarray(batch[:TRACED])
    trace = quantizer.trace(emb_IE[rows]) | {"rows": rows.astype(np.int64), "step": np.array(step)}
    trace = {name: np.ascontiguousarray(value) for name, value in trace.items()}
    files.write(run.path / "step_trace.safetensors", save(trace))
    about = {"step": step, "shapes": {name: list(value.shape) for name, value in trace.items()}}
    files.write_json(run.path / "step_trace.json", about)


def write_weights(run: Run, learner: Quantizer | Recommender) -> None:
    """Replace ``weights.safetensors``, and ``quantizer.json`` or ``model.json``."""
    part = run.path / f".weights-{os.getpid()}.part"
    try:
        learner.save(part)
        for path in part.iterdir():
            files.replace(path, run.path / path.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_result(run: Run, quantizer: Quantizer, emb_IE: np.ndarray, step: int) -> None:
    """Write everything that the pages show of a run that ended; ``codes.npy`` comes last."""
    write_weights(run, quantizer)
    codes_IL = quantizer.encode(emb_IE)
    parts = [slice(start, start + BATCH) for start in range(0, len(emb_IE), BATCH)]
    _write_array(run, "latent.npy", np.concatenate([quantizer.latent(emb_IE[part]) for part in parts]))
    if quantizer.codebooks() is not None:
        errors = [quantizer.trace(emb_IE[part])["error"] for part in parts]
        _write_array(run, "recon_error.npy", np.concatenate(errors).astype(np.float32))
    ids = run.path / ".ids.part.safetensors"
    SemanticIds.from_codes(codes_IL, quantizer.n_codes).save(ids)
    files.replace(ids, run.path / "ids.safetensors")
    if not (run.path / "snapshots" / f"{step:07d}.safetensors").exists():
        write_snapshot(run, quantizer, emb_IE, step)
    outcome.write(run.path, outcome.of_quantizer(quantizer, codes_IL, emb_IE))
    _write_array(run, "codes.npy", codes_IL.astype(np.int32))


def clear(run: Run, after_step: int) -> None:
    """Forget an earlier attempt's result, and what it kept after the step from which the run goes on."""
    for name in RESULTS:
        (run.path / name).unlink(missing_ok=True)
    for step in run.snapshots():
        if step > after_step:
            (run.path / "snapshots" / f"{step:07d}.safetensors").unlink(missing_ok=True)
    movie.cut(run, after_step)
    for part in [*run.path.glob(".*.part*"), *run.path.glob("*/.*.part")]:
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)


def restart(run: Run) -> None:
    """Forget everything that a run has learned, so that its next start is its first."""
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)
    for name in ("weights.safetensors", "quantizer.json", data.FILE, data.SAMPLE):
        (run.path / name).unlink(missing_ok=True)
    clear(run, -1)


def _write_array(run: Run, name: str, array: np.ndarray) -> None:
    part = run.path / f".{name}.part.npy"
    np.save(part, array, allow_pickle=False)
    files.replace(part, run.path / name)


