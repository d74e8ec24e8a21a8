"""The doctor's own test: runs that are broken on purpose, in known ways, against what the doctor says of them.

    python benchmarks/doctor_trial.py [--shared ../shared/data] [--seeds 0 1 2] [--data shop beauty] [--kinds NAME ...]
                                      [--controls NAME ...] [--whole] [--threads 1] [--log trial.jsonl] [--docs]

Every kind of ``KINDS`` changes the embeddings, the settings, or both, and says which diagnosis is right. It is trained
on the bundled shop (2,000 items) and on every third item of Amazon Beauty (4,034 items), three seeds each, with a small
network (``SMALL``); where the right name has a remedy, the first one offered is trained, too. Healthy controls are all
recipes that work and all other quantizers, on the same items and as small; ``--whole`` trains them as they stand on all items.
Targets: right name in at least 95 %, the first remedy cures at least 90 % of the curable, no healthy run called sick.

Each finished line goes to ``--log``; a trial that was interrupted goes on behind it. Prints the tables; ``--docs`` puts
them into docs/DOCTOR.md.
"""

import argparse
import json
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from bare import PROJECT, beauty, machine, use_threads

from tiger import datasets, metrics, quantizers, reports
from tiger.analysis import doctor
from tiger.core import params
from tiger.runs import outcome, presets

SMALL = {"hidden": "128", "n_steps": 300, "batch_size": 512}
DOCS = PROJECT / "docs" / "DOCTOR.md"
START, END = "<!-- trial: made by benchmarks/doctor_trial.py -->", "<!-- end of trial -->"
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def same(emb_IE: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The embeddings as they are."""
    return emb_IE


def times(factor: float) -> Change:
    """Every number times a factor."""
    return lambda emb_IE, rng: emb_IE * np.float32(factor)


def offset(deviations: float, spread: float = 1.0) -> Change:
    """A common offset in every column, in column deviations, at a given spread."""
    def change(emb_IE: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        centred = (emb_IE - emb_IE.mean(0)) / np.sqrt(emb_IE.var(0).sum()) * spread
        return centred + deviations * spread / np.sqrt(emb_IE.shape[1])
    return change


def direction(length: float, spread: float) -> Change:
    """A mean of some length in a random direction, as language models have it."""
    def change(emb_IE: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        centred = (emb_IE - emb_IE.mean(0)) / np.sqrt(emb_IE.var(0).sum()) * spread
        mean_E = rng.normal(size=emb_IE.shape[1])
        return centred + mean_E / np.linalg.norm(mean_E) * length
    return change


def column(factor: float) -> Change:
    """One column that is much larger than the others."""
    def change(emb_IE: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        emb_IE = emb_IE.copy()
        emb_IE[:, rng.integers(emb_IE.shape[1])] *= factor
        return emb_IE
    return change


def copied(share: float) -> Change:
    """A share of the items takes the vector of one of the others."""
    def change(emb_IE: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        order = rng.permutation(len(emb_IE))
        n = round(share * len(emb_IE))
        emb_IE = emb_IE.copy()
        emb_IE[order[:n]] = emb_IE[rng.choice(order[n:], n)]
        return emb_IE
    return change


def zeroed(share: float) -> Change:
    """A share of the items without any text: rows of zeros."""
    def change(emb_IE: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        emb_IE = emb_IE.copy()
        emb_IE[rng.permutation(len(emb_IE))[:round(share * len(emb_IE))]] = 0
        return emb_IE
    return change


def equal(emb_IE: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every item has the same vector."""
    return emb_IE[[rng.integers(len(emb_IE))] * len(emb_IE)]


@dataclass(frozen=True)
class Kind:
    """One way to break a run.

    Args:
        name: for the table.
        truth: the right diagnosis.
        settings: what differs from the healthy recipe.
        change: what happens to the embeddings.
        curable: whether a setting of the quantizer helps.
        quantizer: its name.
        shuffled: the finished codes stand at the wrong items, and nothing else is known of them.
    """

    name: str
    truth: str
    settings: dict[str, object] = field(default_factory=dict)
    change: Change = same
    curable: bool = True
    quantizer: str = "rqvae"
    shuffled: bool = False


NO_CONTROL = ("vqvae", "random_codes")  # one codebook, which is soon out of codes; and codes that know nothing of items
OFF = {"kmeans_init": False, "restart_threshold": 0.0}
KINDS = [
    Kind("noise start, no restarts", "total_collapse", OFF),
    Kind("EMA, noise start, no restarts", "total_collapse", OFF | {"ema": True}),
    Kind("no restarts", "level_starvation", {"restart_threshold": 0.0}),
    Kind("EMA that hardly moves", "level_starvation", {"ema": True, "ema_decay": 0.99999, "restart_threshold": 0.0}),
    Kind("2,048 codes a level", "level_starvation", {"n_codes": 2048}),
    Kind("2 latent dimensions", "level_starvation", {"latent_width": 2}),
    Kind("batches of 16", "level_starvation", {"batch_size": 16}),
    Kind("Sinkhorn with a blur of 10", "level_starvation", {"sinkhorn": True, "sinkhorn_epsilon": 10.0}),
    Kind("beta 50", "over_strong_commitment", {"beta": 50.0}),
    Kind("beta 25, noise start, no restarts", "over_strong_commitment", OFF | {"beta": 25.0}),
    Kind("learning rate 0.1", "high_learning_rate", {"learning_rate": 0.1}),
    Kind("learning rate 0.03, standardised", "high_learning_rate", {"learning_rate": 0.03, "normalise": "standardise"}),
    Kind("learning rate 0.000001", "untrained", {"learning_rate": 1e-6}),
    Kind("five steps", "untrained", {"n_steps": 5}),
    Kind("no gradient past the codebook", "no_gradient", {"estimator": "none"}),
    Kind("8 codes a level", "collision_storm", {"n_codes": 8}),
    Kind("one level", "collision_storm", {"n_levels": 1}),
    Kind("residual k-means, 8 codes a level", "collision_storm", {"n_codes": 8}, quantizer="rkmeans"),
    Kind("embeddings times 0.001", "small_scale", change=times(1e-3)),
    Kind("embeddings times 0.000001", "small_scale", change=times(1e-6)),
    Kind("embeddings times 1e13", "large_scale", change=times(1e13)),
    Kind("offset of 20 deviations", "dominant_mean", change=offset(20, spread=16)),
    Kind("mean of length 216, spread 14", "dominant_mean", change=direction(216, 14)),
    Kind("LSH through the origin, offset of 20", "dominant_mean", {"centre": "origin"}, offset(20), quantizer="lsh"),
    Kind("one column times 1,000", "dominant_column", change=column(1000)),
    Kind("half of the vectors copied", "duplicates", change=copied(0.5), curable=False),
    Kind("60 % of the vectors zero", "duplicates", change=zeroed(0.6), curable=False),
    Kind("all vectors equal", "duplicates", change=equal, curable=False),
    Kind("random codes", "at_chance", curable=False, quantizer="random_codes"),
    Kind("IDs at the wrong items", "at_chance", curable=False, shuffled=True),
]


@dataclass(frozen=True)
class Line:
    """One run of the trial.

    Args:
        found: the diagnosis; also for the run with the first remedy, as far as there is one.
        distinct, distinct_after: distinct IDs.
    """

    kind: str
    data: str
    seed: int
    truth: str
    found: str
    distinct: int
    remedy: str
    after: str
    distinct_after: int
    seconds: float


def train(name: str, settings: dict[str, object], emb_IE: np.ndarray, shuffle: np.random.Generator | None = None,
          ) -> doctor.Diagnosis:
    """Fit a quantizer and examine its codes with all that a run's folder would tell."""
    q = quantizers.create(name, **settings)
    vectors = doctor.measure(emb_IE)
    try:
        events = [{"step": step.step, "t_s": 0.0, **step.metrics} for step in q.fit_steps(emb_IE) if step.metrics]
    except ValueError:
        found = doctor.without_codes(vectors, doctor.Settings.of(params.values(q)))
        assert found is not None
        return found
    codes_IL = q.encode(emb_IE)
    if shuffle is not None:
        return reports.examine(shuffle.permutation(codes_IL), q.codes_per_level, emb_IE, vectors=vectors)
    items_N = metrics.seeded_sample(np.arange(len(emb_IE)), outcome.N_DECODED)
    decoded = items_N, q.decode(codes_IL[items_N])
    return reports.examine(codes_IL, q.codes_per_level, emb_IE, events, params.values(q), decoded, vectors=vectors,
                           ordered=q.residual)


def distinct(found: doctor.Diagnosis) -> int:
    """Distinct IDs; 0 where the run left no codes."""
    return found.signs.collisions.unique if found.signs else 0


def examine(kind: Kind, data: str, seed: int, emb_IE: np.ndarray) -> Line:
    """One broken run, and the same with the first remedy."""
    start, rng = time.perf_counter(), np.random.default_rng(seed)
    changed_IE = np.ascontiguousarray(kind.change(emb_IE, rng), np.float32)
    settings = (SMALL if kind.quantizer == "rqvae" else {}) | {"seed": seed} | kind.settings
    found = train(kind.quantizer, settings, changed_IE, rng if kind.shuffled else None)
    remedy, after = None, None
    if kind.curable and found.remedies:
        remedy = found.remedies[0]
        after = train(kind.quantizer, settings | remedy.changes, changed_IE)
    return Line(kind.name, data, seed, kind.truth, found.disease, distinct(found), remedy.title if remedy else "",
                after.disease if after else "", distinct(after) if after else 0, round(time.perf_counter() - start, 1))


def control(preset: presets.Preset, data: str, seed: int, emb_IE: np.ndarray, whole: bool) -> Line:
    """One recipe that works, as small as the broken runs or as it stands."""
    start = time.perf_counter()
    given = preset.quantizer
    size = {} if whole or given.name != "rqvae" else SMALL
    found = train(given.name, given.params | size | {"seed": seed}, emb_IE)
    return Line(control_name(preset, whole), data, seed, "healthy", found.disease, distinct(found), "", "", 0,
                round(time.perf_counter() - start, 1))


def control_name(preset: presets.Preset, whole: bool) -> str:
    """What the control is called in the log."""
    return f"control: {preset.key}{', whole' if whole else ''}"


def read_log(path: Path) -> list[Line]:
    """Whole lines of an earlier trial."""
    if not path.exists():
        return []
    return [Line(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


def trial(args: argparse.Namespace) -> Iterator[Line]:
    """Every line that the log has not."""
    done = {(line.kind, line.data, line.seed) for line in read_log(args.log)}
    whole = {"shop": lambda: datasets.load("synthetic").embedding_IE,
             "beauty": lambda: beauty(str(args.shared / "amazon-beauty"))}
    healthy = [preset for preset in presets.quantizer_presets() if not preset.breaks and preset.quantizer.name not in NO_CONTROL]
    for data in args.data:
        emb_IE = whole[data]()
        few_IE = emb_IE if data == "shop" else emb_IE[::3]
        for seed in args.seeds:
            for kind in KINDS:
                if (kind.name, data, seed) not in done and (args.kinds is None or kind.name in args.kinds):
                    yield examine(kind, data, seed, few_IE)
            for preset in healthy:
                if (control_name(preset, args.whole), data, seed) not in done and preset.key in (
                        args.controls or [one.key for one in healthy]):
                    yield control(preset, data, seed, emb_IE if args.whole else few_IE, args.whole)


def tables(lines: list[Line]) -> str:
    """The result as Markdown: sums, one row a kind, and every line that missed its target."""
    sick = [line for line in lines if not line.kind.startswith("control")]
    controls = [line for line in lines if line.kind.startswith("control")]
    curable = [line for line in sick if next(kind for kind in KINDS if kind.name == line.kind).curable]
    named = sum(line.found == line.truth for line in sick)
    cured = sum(line.after == "healthy" for line in curable)
    well = sum(line.found == "healthy" for line in controls)
    seeds = Counter(line.seed for line in lines)
    about = machine()
    shown = ", ".join(f"{seed} ({seeds[seed]} runs)" for seed in sorted(seeds))
    out = [f"Seeds {shown}; {about['cpu']}, {about['threads']} thread, torch {about['torch']}. "
           f"{sum(line.seconds for line in lines) / 60:.0f} minutes in all.", "",
           "| | runs | met | target |", "|---|---|---|---|",
           f"| right name | {len(sick)} | {share(named, len(sick))} | 95 % |",
           f"| first remedy cures the curable | {len(curable)} | {share(cured, len(curable))} | 90 % |",
           f"| healthy controls called healthy | {len(controls)} | {share(well, len(controls))} | 100 % |", "",
           "| broken by | right name | named right | first remedy | cured | distinct IDs, shop | distinct IDs, Beauty |",
           "|---|---|---|---|---|---|---|"]
    out += [row(kind, [line for line in sick if line.kind == kind.name]) for kind in KINDS
            if any(line.kind == kind.name for line in sick)]
    out += ["", "| control | called healthy | distinct IDs, shop | distinct IDs, Beauty |", "|---|---|---|---|"]
    for name in dict.fromkeys(line.kind for line in controls):
        mine = [line for line in controls if line.kind == name]
        out.append(f"| {name.removeprefix('control: ')} | {sum(line.found == 'healthy' for line in mine)} of {len(mine)} | "
                   f"{span([line.distinct for line in mine if line.data == 'shop'])} | "
                   f"{span([line.distinct for line in mine if line.data == 'beauty'])} |")
    missed = [line for line in sick if line.found != line.truth] + [line for line in curable if line.after != "healthy"] + [
        line for line in controls if line.found != "healthy"]
    if missed:
        out += ["", "Missed:", ""]
        out += [f"- {line.kind}, {line.data}, seed {line.seed}: called {line.found}"
                + (f"; after \"{line.remedy}\" {line.after} ({line.distinct_after:,} distinct IDs)" if line.remedy else "") + "."
                for line in dict.fromkeys(missed)]
    return "\n".join(out)


def row(kind: Kind, lines: list[Line]) -> str:
    """One kind's row."""
    names = dict.fromkeys(line.remedy for line in lines if line.remedy)
    cells = [kind.name, kind.truth.replace("_", " "), f"{sum(line.found == line.truth for line in lines)} of {len(lines)}",
             "; ".join(names) if kind.curable else "none can help",
             f"{sum(line.after == 'healthy' for line in lines)} of {len(lines)}" if kind.curable else "",
             *(change(kind, [line for line in lines if line.data == data]) for data in ("shop", "beauty"))]
    return f"| {' | '.join(cells)} |"


def change(kind: Kind, lines: list[Line]) -> str:
    """Distinct IDs, and those after the first remedy where there can be one."""
    after = f" → {span([line.distinct_after for line in lines])}" if kind.curable and lines else ""
    return span([line.distinct for line in lines]) + after


def share(n: int, whole: int) -> str:
    """``97.2%``, or that nothing was run."""
    return f"{n / whole:.1%}" if whole else "not run"


def span(values: list[int]) -> str:
    """``1,990`` or ``1,985-1,993``."""
    if not values:
        return ""
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def write_docs(text: str) -> None:
    """Put the tables between the two marks of the documentation."""
    page = DOCS.read_text(encoding="utf-8")
    before, rest = page.split(START)
    _, after = rest.split(END)
    DOCS.write_text(f"{before}{START}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Run what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=PROJECT.parent / "shared" / "data")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--data", nargs="+", default=["shop", "beauty"], choices=("shop", "beauty"))
    parser.add_argument("--kinds", nargs="*", choices=[kind.name for kind in KINDS])
    parser.add_argument("--controls", nargs="*")
    parser.add_argument("--whole", action="store_true", help="controls at their own size on all items; minutes each")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path("trial.jsonl"))
    parser.add_argument("--docs", action="store_true")
    args = parser.parse_args()
    use_threads(args.threads)
    warnings.filterwarnings("ignore", "overflow", RuntimeWarning)
    for line in trial(args):
        print(line, file=sys.stderr, flush=True)
        with args.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(asdict(line)) + "\n")
    text = tables(read_log(args.log))
    print(text)
    if args.docs:
        write_docs(text)


if __name__ == "__main__":
    main()
