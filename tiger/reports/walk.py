"""One item's walk through the levels, and a batch's: residuals, chosen codes and what they account for.

A *trace* is what ``Quantizer.trace`` gives: latent (N, Z), codes (N, L), residual (N, L+1, Z) before each level
and after the last, chosen (N, L, Z) codebook vectors, error (N, L+1) squared norms of the residuals.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tiger.datasets.catalogue import Catalogue
from tiger.quantizers import Quantizer
from tiger.reports.codes import Codes
from tiger.reports.items import id_neighbours
from tiger.runs import data

Trace = Mapping[str, np.ndarray]
INDEPENDENT = ("The levels are independent: each looks at numbers of its own, so r only keeps count of what is not coded yet, "
               "and in another order every level would choose the same code.")


@dataclass(frozen=True)
class Walk:
    """One row of a trace.

    Args:
        about: what one level of this quantizer does, and what the order of its levels means where there is none.
        formula: the same as LaTeX.
        levels: ``walk_frame``.
        summary: its takeaway.
        lines: the vectors by name, in order: residual, chosen code, residual ... for ``plots.residual_strip``.
        strips: the same numbers as a table.
        formulas: the step of each level with this item's first numbers, as LaTeX.
    """

    about: str
    formula: str
    levels: pd.DataFrame
    summary: str
    lines: dict[str, np.ndarray]
    strips: pd.DataFrame
    formulas: list[str]


@dataclass(frozen=True)
class ItemWalk:
    """One item and its walk; without one where its codes have no vectors.

    Args:
        about: number, category and codes in one line.
        reconstruction: how well the codes give the embedding back; "" without a walk.
        newest_weights: the codes are those of an earlier step, the walk that of the newest saved weights.
        sharing: the items with the longest shared prefix, ``id_neighbours``.
    """

    item: int
    title: str
    about: str
    walk: Walk | None
    reconstruction: str
    newest_weights: bool
    sharing: pd.DataFrame


@dataclass(frozen=True)
class BatchWalk:
    """One stepped batch level by level, and one of its items.

    Args:
        about: what one level of this quantizer does.
        levels: ``batch_levels``, and its takeaway.
        item, title: the row's item.
    """

    step: int
    n_rows: int
    about: str
    levels: pd.DataFrame
    summary: str
    item: int
    title: str
    walk: Walk


def batch_walk(cat: Catalogue, kind: type[Quantizer], trace: Trace, row: int) -> BatchWalk:
    """What each level left of a batch that a run stepped through (``Run.step_trace``), and one row of it in detail.

    Args:
        kind: the run's quantizer.
    """
    levels, item = batch_levels(trace), int(trace["rows"][row])
    words = (f"Mean squared length of the residual in this batch: {levels['mean'].iloc[0]:.3g} before level 1, "
             f"{levels['mean'].iloc[-1]:.3g} after the last.")
    return BatchWalk(int(np.asarray(trace["step"]).item()), len(trace["codes"]), kind.level_summary, levels, words, item,
                     str(cat.items["title"].iloc[item]), walk_of(kind, trace, row))


def item_walk(codes: Codes, quantizer: Quantizer | None, item: int) -> ItemWalk:
    """One item's walk through the run's quantizer, and the items that end up next to it."""
    row = codes.cat.items.iloc[item]
    walk, reconstruction = None, ""
    books = quantizer.codebooks() if quantizer else None
    if quantizer is not None and books is not None:
        emb_1E = codes.cat.embedding_IE[[item]]
        trace = quantizer.trace(emb_1E)
        walk = walk_of(type(quantizer), trace, 0, books, quantizer.prices())
        reconstruction = reconstruction_summary(emb_1E[0], trace["recon"][0])
    elif quantizer is None and (recorded := recorded_trace(codes, item)) is not None:
        told = codes.run.config.recording.settings if codes.run.config.recording else {}
        cosine = told.get("distance") == "cosine" or bool(told.get("use_cosine_sim"))  # the next-best codes are by distance
        books = None if cosine else codes.run.recorded_codebooks()
        walk = walk_of(Quantizer, recorded, 0, books)  # type: ignore[type-abstract]
        if np.array_equal(recorded["latent"][0], codes.cat.embedding_IE[item]):
            reconstruction = reconstruction_summary(codes.cat.embedding_IE[item], recorded["recon"][0])
    own = " · ".join(map(str, codes.codes_IL[item]))
    about = f"item {item} · {row['category'] or 'no category'} · codes {own}"
    return ItemWalk(item, str(row["title"]) or f"Item {item}", about, walk, reconstruction,
                    walk is not None and codes.step is not None, id_neighbours(codes.cat, codes.codes_IL, item))


def recorded_trace(codes: Codes, item: int) -> Trace | None:
    """One item's final codes in recorded codebooks; None where those, or what they quantised, are not known."""
    run = codes.run
    if not run.external or codes.step is not None or not run.has_latent() or codes.codes_IL[item].min() < 0:
        return None
    books, latent_IZ = run.recorded_codebooks(), run.latent()
    if books is None or any(book_KZ.shape[1] != latent_IZ.shape[1] for book_KZ in books):
        return None
    latent_1Z = latent_IZ[data.rows_for(run, codes.cat, len(latent_IZ))][[item]]
    chosen_1LZ = np.stack([book_KZ[codes.codes_IL[[item], level]] for level, book_KZ in enumerate(books)], 1)
    residual_1MZ = latent_1Z[:, None] - np.concatenate([np.zeros_like(chosen_1LZ[:, :1]), chosen_1LZ.cumsum(1)], 1)
    return {"latent": latent_1Z, "codes": codes.codes_IL[[item]], "residual": residual_1MZ, "chosen": chosen_1LZ,
            "recon": chosen_1LZ.sum(1), "error": np.square(residual_1MZ).sum(2)}


def walk_of(kind: type[Quantizer], trace: Trace, row: int, codebooks: Sequence[np.ndarray] | None = None,
            prices: Sequence[np.ndarray] | None = None) -> Walk:
    """Everything about one row of a trace; ``codebooks`` and ``prices`` tell the next-best codes."""
    levels, found = walk_frame(trace, row, codebooks, prices), lines(trace, row)
    about = kind.level_summary if kind.residual else f"{kind.level_summary} {INDEPENDENT}"
    return Walk(about, kind.level_formula, levels, walk_summary(levels), found, strips_frame(found),
                [formula_with_numbers(trace, row, level) for level in range(len(levels))])


def walk_frame(trace: Trace, row: int, codebooks: Sequence[np.ndarray] | None = None,
               prices: Sequence[np.ndarray] | None = None, k: int = 3) -> pd.DataFrame:
    """One item's walk through the levels.

    Args:
        row: row of the trace.
        codebooks: one (K, Z) array a level, for the next-best codes.
        prices: one (K,) array a level where a code costs something beside its squared distance.
        k: codes to compare, the chosen one first.

    Returns:
        level (from 1), code, before and after (norms of the residual), explained (share of |z|^2 that all
        codes so far account for), distance (to the code), and with codebooks code_2, distance_2 .. up to k.
    """
    error_M, codes_L = np.asarray(trace["error"][row], np.float64), trace["codes"][row]
    norm_M = np.sqrt(np.maximum(error_M, 0))
    frame = pd.DataFrame({"level": np.arange(1, len(codes_L) + 1), "code": codes_L, "before": norm_M[:-1],
                          "after": norm_M[1:], "explained": 1 - error_M[1:] / (error_M[0] or 1.0)})
    frame["distance"] = frame["after"]
    for level, book_KZ in enumerate(codebooks or []):
        distance_K = np.linalg.norm(np.asarray(book_KZ) - trace["residual"][row, level], axis=1)
        order = np.argsort(distance_K if prices is None else distance_K**2 + prices[level], kind="stable")
        for place, code in enumerate(order[order != codes_L[level]][:k - 1], start=2):
            frame.loc[level, [f"code_{place}", f"distance_{place}"]] = [int(code), distance_K[code]]
    for place in range(2, k + 1):
        if f"code_{place}" in frame:
            frame[f"code_{place}"] = frame[f"code_{place}"].astype("Int64")
    return frame


def walk_summary(frame: pd.DataFrame) -> str:
    """The takeaway of ``walk_frame`` in one sentence."""
    codes = "-".join(map(str, frame["code"]))
    near_all = (frame["explained"] > 0.95).any()  # whole per cents would hide what the last levels add
    shares = ", ".join(f"{share:z.1%}" if near_all else f"{share:z.0%}" for share in frame["explained"])
    return f"The item's codes are {codes}; after each level they explain {shares} of its vector."


def formula_with_numbers(trace: Trace, row: int, level: int) -> str:
    """The step of one level with this item's first numbers, as LaTeX; the space at its end keeps it from scrolling."""
    before, chosen, after = (_vector(part) for part in (trace["residual"][row, level], trace["chosen"][row, level],
                                                       trace["residual"][row, level + 1]))
    code = int(trace["codes"][row, level])
    sizes = trace["error"][row, level:level + 2]
    n, m = level + 1, level + 2
    return (rf"\begin{{aligned}} r_{{{m}}} &= r_{{{n}}} - e^{{({n})}}_{{{code}}} = {before} - {chosen} = {after}\\"
            rf"\lVert r_{{{n}}} \rVert^2 &= {sizes[0]:.3g}, \quad \lVert r_{{{m}}} \rVert^2 = {sizes[1]:.3g} \end{{aligned}}\;")


def reconstruction_summary(x_E: np.ndarray, recon_E: np.ndarray) -> str:
    """How well the codes give the embedding back, with the formula."""
    whole, missing = float(np.square(x_E).sum()) or 1.0, float(np.square(x_E - recon_E).sum())
    return (rf"Decoded: $\lVert x - \hat x \rVert^2 = {missing:.3g}$ of $\lVert x \rVert^2 = {whole:.3g}$; the codes recover "
             f"{max(0.0, 1 - missing / whole):.0%} of the embedding.")


def _vector(values_Z: np.ndarray, shown: int = 3) -> str:
    """The first numbers of a vector."""
    numbers = ",\\,".join(f"{value:.2g}" for value in values_Z[:shown])
    return f"({numbers}{',…' if len(values_Z) > shown else ''})"


def lines(trace: Trace, row: int) -> dict[str, np.ndarray]:
    """The walk's vectors by name, in order: residual, chosen code, residual ... for ``plots.residual_strip``."""
    found = {}
    for level, code in enumerate(trace["codes"][row]):
        found["z = r<sub>1</sub>" if level == 0 else f"r<sub>{level + 1}</sub>"] = trace["residual"][row, level]
        found[f"level {level + 1}: − code {code}"] = trace["chosen"][row, level]
    found[f"left: r<sub>{len(trace['codes'][row]) + 1}</sub>"] = trace["residual"][row, -1]
    return found


def strips_frame(found: dict[str, np.ndarray]) -> pd.DataFrame:
    """The numbers of the walk's strips: one row a vector, named in plain text, one column a dimension."""
    names = [re.sub("<[^>]*>", "", name) for name in found]
    frame = pd.DataFrame(np.stack(list(found.values()))).add_prefix("dimension ")
    frame.insert(0, "strip", names)
    return frame


def batch_levels(trace: Trace) -> pd.DataFrame:
    """What a batch's residuals look like before each level and after the last: mean and spread of |r|^2."""
    error_NM = trace["error"]
    low, middle, high = np.quantile(error_NM, (0.1, 0.5, 0.9), axis=0)
    mean_M = error_NM.mean(0)
    n_levels = error_NM.shape[1] - 1
    used = [len(np.unique(trace["codes"][:, level])) for level in range(n_levels)]
    return pd.DataFrame({
        "residual": [f"before level {level + 1}" for level in range(n_levels)] + ["after the last"],
        "mean": mean_M, "p10": low, "median": middle, "p90": high, "left": mean_M / (mean_M[0] or 1.0),
        "codes_used": [*used, None],
    })
