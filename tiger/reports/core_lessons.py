"""Core lessons: a mechanism seen on points of the plane, then a prediction about the bundled shop beside what was measured.

Answers are read off the numbers of ``lesson_numbers``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from tiger.plots import core_lessons as plot
from tiger.reports.lesson_numbers import BLOCKED, BOTH, HASHED, LEARNED, NEITHER, RESTARTS, ROTATION, START

Frame: TypeAlias = "pd.DataFrame"


@dataclass(frozen=True)
class Check:
    """A question whose answer follows from the lesson.

    Args:
        text: the question.
        options: answers to choose from.
        answer: place of the right one.
        because: why it is right.
    """

    text: str
    options: tuple[str, ...]
    answer: int
    because: str


@dataclass(frozen=True)
class CoreLesson:
    """One mechanism.

    Args:
        key: short name for links.
        title: for people.
        story: what happens, before the question.
        question: to predict.
        options: answers to choose from.
        measurement: which rows of ``measured`` it reads.
        answer: place of the right one, from the rows.
        reveal: what was measured, in words.
        why: the reason.
        settings: of the Playground's picture, where they differ from its defaults; or seed and width of a tree.
        planes: which of its planes are shown: "one", "two", "three"; none: beam search on a small tree.
        look_for: what to look for in the picture.
        change: one thing to change there.
        controls: the settings that this needs.
        check: the question at the end.
        figure: the measured numbers, from the rows and the reveal's words.
    """

    key: str
    title: str
    story: str
    question: str
    options: tuple[str, ...]
    measurement: str
    answer: Callable[[Frame], int]
    reveal: Callable[[Frame], str]
    why: str
    settings: Mapping[str, str]
    planes: tuple[str, ...]
    look_for: str
    change: str
    controls: tuple[str, ...]
    check: Check
    figure: Callable[[Frame, str], go.Figure]


def _kept(frame: Frame, n_codes: int) -> "pd.Series[float]":
    return frame.loc[frame["n_codes"] == n_codes, "kept"]


def _kept_text(frame: Frame) -> str:
    few, many = _kept(frame, 16), _kept(frame, 256)
    return (f"One codebook of 16 codes keeps {few.mean():.0%} of the variance ({few.min():.1%} to {few.max():.1%} over "
            f"{len(few)} seeds); with 256 codes it keeps {many.mean():.0%}.")


def _names_text(frame: Frame) -> str:
    first, last = frame.iloc[0], frame.iloc[-1]
    return (f"The {last['items']:,} items have {last['distinct']:,} distinct IDs, from {last['vectors']} code vectors. Level 1 "
            f"alone tells {first['distinct']} groups apart.")


def _mean(frame: Frame, training: str, column: str = "kept") -> float:
    return float(frame.loc[frame["training"] == training, column].mean())


def _range(frame: Frame, training: str, column: str) -> str:
    values = frame.loc[frame["training"] == training, column]
    low, high = (f"{value:,.0f}" if column == "distinct" else f"{value:.1f}" for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def _share_kept(frame: Frame, training: str) -> int:
    """0: at most a third of what the healthy training keeps, 1: at most two thirds, 2: more."""
    return int(np.searchsorted([1 / 3, 2 / 3], _mean(frame, training) / _mean(frame, BOTH)))


def _estimator_text(frame: Frame) -> str:
    return (f"Straight-through keeps {_mean(frame, BOTH):.0%} of the variance, the rotation trick {_mean(frame, ROTATION):.0%}, "
            f"no estimator {abs(_mean(frame, BLOCKED)):.0%} (300 steps, mean of {frame['seed'].nunique()} seeds).")


def _collapse_text(frame: Frame) -> str:
    return (f"Level 1's perplexity is {_range(frame, NEITHER, 'perplexity')} of 16, and the 2,000 items have "
            f"{_range(frame, NEITHER, 'distinct')} distinct ID. With a k-means start and restarts it is "
            f"{_range(frame, BOTH, 'perplexity')}, with {_range(frame, BOTH, 'distinct')} IDs.")


def _collisions_text(frame: Frame) -> str:
    small, large = frame.iloc[0], frame.iloc[1]
    return (f"With {small['run']} codes, {small['sharing']} of {small['items']:,} items share all codes, at most "
            f"{small['largest']} the same; with {large['run']} codes, {large['sharing']} do.")


def _found(frame: Frame, width: int) -> float:
    return float(frame.loc[frame["width"] == width, "found"].iloc[0])


def _beams_text(frame: Frame) -> str:
    return (f"Width 1 finds the likeliest item for {_found(frame, 1):.1%} of {frame['users'].iloc[0]} users, width 5 for "
            f"{_found(frame, 5):.1%}, width 20 for {_found(frame, 20):.1%}.")


def _purity(frame: Frame, name: str, level: int = 1) -> float:
    return float(frame.loc[(frame["codes"] == name) & (frame["level"] == level), "purity"].mean())


def _purity_text(frame: Frame) -> str:
    n_seeds = frame.loc[frame["codes"] == HASHED, "seed"].nunique()
    return (f"Level 1: learned codes {_purity(frame, LEARNED):.1%}, LSH {_purity(frame, HASHED):.1%} (mean of {n_seeds} seeds). "
            f"First two levels: {_purity(frame, LEARNED, 2):.1%} and {_purity(frame, HASHED, 2):.1%}.")


def _restarts_text(frame: Frame) -> str:
    return (f"Restarts alone keep {_mean(frame, RESTARTS):.0%} of the variance, with {_range(frame, RESTARTS, 'distinct')} "
            f"distinct IDs; the k-means start alone keeps {_mean(frame, START):.0%}, both {_mean(frame, BOTH):.0%} with "
            f"{_range(frame, BOTH, 'distinct')} IDs (300 steps, {frame['seed'].nunique()} seeds).")


LESSONS = (
    CoreLesson(
        "code", "What a code is",
        "A codebook holds a few vectors. Every item gets the number of the nearest one: its **code**. Of an item, only "
        "the code is kept: the codebook's vector stands in for it.",
        "The shop's 2,000 items are vectors of 256 numbers. One codebook has 16 codes: how much of the items' variance do its "
        "vectors keep?", ("Less than a fifth", "Between a fifth and a half", "More than a half"), "codebooks",
        lambda frame: int(np.searchsorted([0.2, 0.5], _kept(frame, 16).mean())), _kept_text,
        "All items of a cell become the same vector, and what tells them apart inside the cell is lost. More codes make smaller "
        "cells, and each of them has to be learned and stored.",
        {"method": "kmeans", "levels": "1", "codes": "4", "start": "random", "speed": "slow"}, ("one", "two"),
        "Each round gives every point the code of the nearest vector, then moves every vector to the mean of its points.",
        "Raise **Codes a level** and press Play: the cells get smaller, and so does the error.", ("codes",),
        Check("Two items have the same code, and there is one level. What does the decoder make of them?",
              ("The same vector for both", "Each item's own embedding", "The mean of all items"), 0,
              "The code is all it gets, so it cannot tell them apart."), plot.kept),
    CoreLesson(
        "residuals", "Why residuals",
        "What a code leaves of a vector is its **residual**. A second codebook quantises the residuals of all cells together, "
        "and so on; the codes of all levels are the **semantic ID**.",
        "The bundled RQ-VAE has five levels of 16 codes, 80 vectors in all. How many distinct IDs do the 2,000 items have?",
        ("At most 80", "Between 80 and 1,000", "More than 1,000"), "levels",
        lambda frame: int(np.searchsorted([80, 1000], frame["distinct"].iloc[-1])), _names_text,
        "Vectors add up, combinations multiply: five levels of 16 codes need 80 vectors and can name 16 to the fifth, about a "
        "million, places. One codebook would need a vector for each name.",
        {"points": "tree", "codes": "4"}, ("one", "two", "three"),
        "Four codes find the four groups; the residuals of all groups lie over one another, and four more codes tell their "
        "subgroups apart.",
        "Set **Levels** to 1 and press Play: the same four codes, but only four IDs.", ("levels",),
        Check("How many IDs can three levels of 256 codes tell apart?", ("768", "65,536", "About 16.8 million"), 2,
              "256 to the third; the three codebooks hold 768 vectors."), plot.names),
    CoreLesson(
        "estimator", "The straight-through estimator",
        "The nearest code is chosen, not computed: it has no derivative, so the gradient of the error ends at the code "
        "vectors. An **estimator** says what of it goes on to the encoder. Straight-through copies it.",
        "An RQ-VAE is trained on the shop without an estimator. How much variance does it keep, compared with straight-through?",
        ("At most a third as much", "A third to two thirds", "About as much"), "trainings",
        lambda frame: _share_kept(frame, BLOCKED), _estimator_text,
        "Without an estimator the encoder only learns from the commitment loss, which is least where all latents are "
        "equal. Nothing in it depends on what the decoder needs.",
        {"estimator": "none"}, ("one", "two"),
        "The violet arrow at the code vectors is the gradient; the cross at the latent says that none of it arrives. Latents "
        "shrink, reconstructions stay apart from their points.",
        "Set **Gradient estimator** to straight-through while it plays: arrows reach the latents, and they spread.",
        ("estimator",),
        Check("What does straight-through take as the derivative of the code vectors by the latent?",
              ("The identity", "Zero", "The distance between the two"), 0,
              "So the encoder gets the decoder's gradient unchanged, as if nothing had been quantised."),
        lambda frame, alt: plot.trainings(
            frame, {BOTH: "Straight-through", ROTATION: ROTATION, BLOCKED: BLOCKED}, "kept", "Variance kept", alt)),
    CoreLesson(
        "collapse", "Collapse and its cause",
        "A code vector is only moved by the items that choose it. One that no item chooses is **dead**. **Perplexity** says how "
        "many codes are effectively in use.",
        "An RQ-VAE with 16 codes a level starts from random code vectors, without any remedy. What is level 1's perplexity on "
        "the shop after 300 steps?", ("Below 4", "4 to 12", "Above 12"), "trainings",
        lambda frame: int(np.searchsorted([4, 12], _mean(frame, NEITHER, "perplexity"))), _collapse_text,
        "The code nearest to the first latents gets all items, so it alone learns; commitment draws all latents to it, and the "
        "other codes are never chosen again.",
        {"start": "far", "restart": "0"}, ("one", "two"),
        "The codes start far from the latents. The nearest one gets all points; crossed-out codes are dead.",
        "Set **Codebooks start at** to k-means and press Play: every code has points from the first step on.",
        ("start",),
        Check("Why does a dead code stay dead?",
              ("No item chooses it, so no gradient moves it", "Its learning rate is too small", "The decoder pushes it away"), 0,
              "The codebook loss of a code is a sum over the items that chose it; the sum is empty."),
        lambda frame, alt: plot.trainings(
            frame, {BOTH: BOTH, NEITHER: NEITHER}, "perplexity", "Perplexity of level 1", alt)),
    CoreLesson(
        "restarts", "What restarts and a k-means start do",
        "Two remedies: a **restart** moves a dead code to where some item is; a **k-means start** puts all codes among the first "
        "latents.",
        "With restarts alone, from random code vectors, nearly all codes are in use. How much variance is kept, compared with "
        "both remedies?", ("At most a third as much", "A third to two thirds", "About as much"), "trainings",
        lambda frame: _share_kept(frame, RESTARTS), _restarts_text,
        "Random code vectors are much longer than the first latents, so the decoder first reads noise. Restarts replace them one "
        "by one, and only then do latents begin to spread: after 300 steps this training is still far behind. Perplexity counts "
        "which codes are used, not what they keep.",
        {"start": "far", "restart": "1"}, ("one", "two"),
        "In the first step all dead codes jump to points. Watch how long the latents need to spread again.",
        "Set **Codebooks start at** to k-means and press Play: how many steps does the error need now?", ("start", "restart"),
        Check("All codes are in use and all IDs are distinct. Is the quantizer good?",
              ("Yes", "Not necessarily", "No"), 1,
              "Random codes would be used evenly, too. What the codes keep of the items decides."),
        lambda frame, alt: plot.trainings(
            frame, {name: name for name in (BOTH, START, RESTARTS, NEITHER)}, "kept", "Variance kept", alt, ids=True)),
    CoreLesson(
        "collisions", "Collisions and the extra level",
        "Items whose codes are equal at all levels **collide**. One more number, the collision level, then tells them apart: 0, "
        "1, 2 and so on.",
        "The bundled RQ-VAE can name 16 to the fifth, about a million IDs. How many of the 2,000 items share all five codes with "
        "another item?", ("None", "1 to 200", "More than 200"), "collisions",
        lambda frame: int(np.searchsorted([0, 200], frame["sharing"].iloc[0])), _collisions_text,
        "Similar items fall into the same cells, as they should; IDs are not spread evenly over what is possible. More codes or "
        "levels make fewer collisions, and longer lists for the recommender to choose from.",
        {"codes": "4"}, ("one", "two", "three"),
        "All points in one cell of both levels have the same ID: count them on the left plane.",
        "Raise **Codes a level** and press Play: how many distinct IDs do the points get?", ("codes",),
        Check("Seven items share all their codes. What does the collision level hold?",
              ("0 to 6, another number for each", "The same code again", "Their distance to the code vector"), 0,
              "It only has to tell them apart; it says nothing about the items."), plot.collisions),
    CoreLesson(
        "lsh", "Learned codes against LSH buckets",
        "LSH draws random hyperplanes; the sides on which an item lies are the bits of its code. Nothing is learned. **Purity** "
        "is the share of items that belong to the commonest category of their code.",
        "Level 1 has 16 codes in both. How does the purity of learned codes compare with LSH's, for the shop's departments?",
        ("About the same", "Up to one and a half times", "More than one and a half times"), "purity",
        lambda frame: int(np.searchsorted([1.1, 1.5], _purity(frame, LEARNED) / _purity(frame, HASHED))), _purity_text,
        "Random hyperplanes cut wherever they fall, also through the middle of a group. Learned cells tend to have their borders "
        "between groups, where the error is smaller.",
        {"method": "lsh", "levels": "1", "speed": "slow"}, ("one", "two"),
        "Every step draws one more random line; each line doubles the number of possible codes.",
        "Set **Quantizer** to residual k-means and press Play: the borders move between the groups.", ("method",),
        Check("What do the directions of LSH's hyperplanes depend on?",
              ("The seed alone", "The items' categories", "The reconstruction error"), 0,
              "Items only shift the centre through which all planes go."), plot.purity),
    CoreLesson(
        "beam", "Beam search against exact search",
        "A recommender gives every code a probability, level by level; their product is the item's. **Beam search** keeps "
        "the likeliest prefixes of each level and drops the others; exact search scores every item.",
        "The bundled recommender ranks the shop's 2,000 items. For how many users does a beam of width 1 find the likeliest one?",
        ("Fewer than half", "Half to nine tenths", "More than nine tenths"), "beams",
        lambda frame: int(np.searchsorted([0.5, 0.9], _found(frame, 1))), _beams_text,
        "The likeliest first code need not lead to the likeliest item. What is dropped at one level cannot come back at a later "
        "one; a wider beam drops later.",
        {"seed": "7", "width": "1"}, (),
        "At each level only one prefix is kept, the likeliest so far. The item that exact search finds lies behind another one.",
        "Set **Beam width** to 2 and press Play: which item does it find, and how many prefixes are scored?", ("width",),
        Check("From which width on does beam search surely find the likeliest item?",
              ("From the number of items on", "From 2 on", "At no width"), 0,
              "Then nothing is ever dropped; in practice a much smaller width is enough for nearly all users."), plot.beams),
)
BY_KEY = {lesson.key: lesson for lesson in LESSONS}
