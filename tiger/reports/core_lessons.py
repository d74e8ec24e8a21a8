"""Core lessons: a mechanism seen on points of the plane, then a prediction about the bundled shop beside what was measured.

``measure`` takes the numbers, ``data/make_lessons.py`` keeps them in ``data/lessons.json``. Answers are read off them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from tiger import datasets, metrics, runs
from tiger.core import paths
from tiger.metrics.reconstruction import explained_variance
from tiger.plots import core_lessons as plot

FILE = paths.BUNDLED / "lessons.json"
SIZES, SEEDS, RUN = (4, 16, 64, 256), 5, "demo-small"
Frame: TypeAlias = "pd.DataFrame"
Rows: TypeAlias = "list[dict[str, float]]"


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
        settings: of the Playground's picture, where they differ from its defaults.
        planes: which of its planes are shown: "one", "two", "three".
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


def measure(sizes: tuple[int, ...] = SIZES, n_seeds: int = SEEDS) -> dict[str, Rows]:
    """The numbers of all core lessons, on the bundled shop.

    Returns:
        "codebooks": share of the embeddings' variance that one k-means codebook keeps, by size and seed;
        "levels": distinct prefixes and code vectors of the bundled RQ-VAE, by levels used.
    """
    from tiger import quantizers  # here, so that lessons load no torch

    emb_IE = datasets.load("synthetic", seed=0).embedding_IE
    every_I = np.arange(len(emb_IE))
    codebooks: Rows = []
    for n_codes in sizes:
        for seed in range(n_seeds):
            q = quantizers.create("rkmeans", n_levels=1, n_codes=n_codes, seed=seed).fit(emb_IE)
            kept = explained_variance(emb_IE, every_I, q.decode(q.encode(emb_IE)))
            assert kept is not None, "the shop's items differ"
            codebooks.append({"n_codes": n_codes, "seed": seed, "kept": round(kept, 4)})
    run = runs.find(RUN)
    n_prefixes_L = metrics.prefix_numbers(run.codes())[1]
    vectors_L = np.cumsum(np.broadcast_to(run.learner.params["n_codes"], len(n_prefixes_L)))
    levels: Rows = [{"levels": place + 1, "vectors": int(vectors), "distinct": int(n_prefixes), "items": len(emb_IE)}
                    for place, (vectors, n_prefixes) in enumerate(zip(vectors_L, n_prefixes_L, strict=True))]
    return {"codebooks": codebooks, "levels": levels}


@cache
def measured(name: str) -> Frame:
    """The bundled rows of one measurement."""
    return pd.DataFrame(json.loads(FILE.read_text(encoding="utf-8"))[name])


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
)
BY_KEY = {lesson.key: lesson for lesson in LESSONS}
