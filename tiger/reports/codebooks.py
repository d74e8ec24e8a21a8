"""What the Codebooks page shows of one level: its usage, and one of its codes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.core.tables import ends_of
from tiger.quantizers import Quantizer
from tiger.reports import at_scale, items, usage
from tiger.reports.codes import Codes


@dataclass(frozen=True)
class CodeCard:
    """One code of a level.

    Args:
        n_items: how many items carry it; where codes were recorded without saying whose they are, how many codes.
        items: those items, the most typical first; ``items_of_code``.
        near: the codes whose vectors lie nearest, ``code_neighbours``; None where the codes have no vectors.
        history: items at every kept step, ``UsageHistory.code``; and its takeaway.
    """

    code: int
    n_items: int
    items: pd.DataFrame
    near: pd.DataFrame | None
    history: pd.DataFrame
    history_summary: str


@dataclass(frozen=True)
class LevelCounts:
    """How the codes of one level are used.

    Args:
        level: from 0.
        n_codes: K of this level.
        perplexity, used, dead, largest_share: the level in four numbers.
        codes: every code, ``counts_frame``; of all items where they were counted (``at_scale``). And its takeaway.
    """

    level: int
    n_codes: int
    perplexity: float
    used: int
    dead: int
    largest_share: float
    codes: pd.DataFrame
    codes_summary: str


@dataclass(frozen=True)
class LevelUsage(LevelCounts):
    """One level over time, and one of its codes.

    Args:
        over_time: perplexity and dead codes of all levels at the kept steps, and its takeaway.
        top_n_codes: the largest K of all levels.
        card: the chosen code, or the one that most items carry.
    """

    over_time: pd.DataFrame
    over_time_summary: str
    top_n_codes: int
    card: CodeCard


def level_counts(codes: Codes) -> tuple[LevelCounts, ...]:
    """Every level's codes."""
    counts_LK = at_scale.counts_of(codes)
    return tuple(_counts(counts_LK, codes, level) for level in range(codes.n_levels))


def _counts(counts_LK: np.ndarray, codes: Codes, level: int) -> LevelCounts:
    frame = usage.counts_frame(counts_LK, codes.n_codes, level)
    n_dead = int(frame["dead"].sum())
    return LevelCounts(level, codes.n_codes[level], float(metrics.perplexity(counts_LK[level])), len(frame) - n_dead, n_dead,
                       float(frame["share"].max()), frame, usage.usage_summary(frame))


def level_usage(codes: Codes, history: usage.UsageHistory, quantizer: Quantizer | None, level: int,
                code: int | None = None) -> LevelUsage:
    """Everything about one level (from 0) and one of its codes; by default the code that most items carry."""
    counts, over_time = _counts(at_scale.counts_of(codes), codes, level), history.perplexity()
    frame = counts.codes
    last = over_time[over_time["step"] == over_time["step"].max()]
    words = "Perplexity over the saved steps; at the end " + ", ".join(
        f"level {at} {value:.0f}" for at, value in zip(last["level"], last["perplexity"], strict=True)) + "."
    chosen = int(frame["items"].to_numpy().argmax()) if code is None else code
    card = code_card(codes, history, books_of(codes, quantizer), level, chosen, frame["items"].to_numpy())
    return LevelUsage(**vars(counts), over_time=over_time, over_time_summary=words, top_n_codes=max(codes.n_codes), card=card)


def books_of(codes: Codes, quantizer: Quantizer | None) -> list[np.ndarray] | None:
    """The vectors of the codes, one (K, Z) a level; None where they have none."""
    return quantizer.codebooks() if quantizer else codes.run.recorded_codebooks()


def code_card(codes: Codes, history: usage.UsageHistory, books: list[np.ndarray] | None, level: int, code: int,
              counts_K: np.ndarray) -> CodeCard:
    """One code: its items, its neighbours among the codes, and how many items it had at each kept step.

    Args:
        counts_K: items of every code of the level.
    """
    near = None
    if books is not None:
        near = items.code_neighbours(books[level], code, counts_K)
    frame = history.code(level, code) if history.steps else pd.DataFrame({"step": [], "items": [], "share": []})
    words = "" if frame.empty else (f"Items of level {level + 1}, code {code} over the saved steps: "
                                    + " to ".join(f"{n:,}" for n in ends_of(frame)["items"]) + ".")
    known_NL = codes.codes_IL if codes.matched else codes.codes_IL[:0]
    return CodeCard(code, int(counts_K[code]),
                    items.items_of_code(codes.cat, known_NL, level, code), near, frame, words)
