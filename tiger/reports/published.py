"""What papers report for the Amazon data sets of 2014, to stand beside measured rows. Nothing here was measured by this project.

A row says whether items of the history were removed from the ranked lists, as far as the authors' code shows it: that rule
alone moves recall@10 on Beauty by about a tenth (docs/EXPERIMENTS.md). Figures are those of the paper or of its authors'
repository; where another source quotes them, it is named here.

Sources:
    TIGER: Rajput et al. 2023, "Recommender Systems with Generative Retrieval", table 1 (arXiv:2305.05065), which also has
        the SASRec and S3-Rec rows that Zhou et al. 2020 reported.
    S3-Rec: Zhou et al. 2020; its evaluation sets the scores of items in the history to 0 (aHuiWang/CIKM2020-S3Rec, trainers.py).
    DuoRec: Qiu et al. 2022; a copy of RecBole, whose loader for sequential models gives no history to mask
        (RuihongQiu/DuoRec, recbole/data/dataloader/sequential_dataloader.py).
    BSARec: Shin et al. 2024 (arXiv:2312.10325); figures and rule from yehjin-shin/BSARec, src/output/BSARec_Beauty_best.log
        and src/trainers.py.
    SASRec with sampled softmax, eSASRec: 2025 (arXiv:2508.06450); figures from
        blondered/transformer_benchmark, README.md, which also quotes ActionPiece (Hou et al. 2025, arXiv:2502.13581) and DuoRec.
    RPG: Hou et al. 2025 (arXiv:2506.05781), with vectors of text-embedding-3-large; figures as phonism/genrec, README.md, quotes
        the paper, which has Beauty alone; it masks nothing (facebookresearch/RPG_KDD2025, genrec/models/RPG/model.py).
"""

from dataclasses import dataclass

import pandas as pd

from tiger.datasets.catalogue import Catalogue

NAMES = ("recall@5", "ndcg@5", "recall@10", "ndcg@10")
REPORTED = "as reported"
REMOVED, KEPT, UNKNOWN = "excluded", "kept", "not stated"
NONE = float("nan")


@dataclass(frozen=True)
class Reported:
    """One model on one data set, as a paper reports it.

    Args:
        scores: in the order of ``NAMES``; nan where the paper gives none.
        seen: what became of items of the history.
    """

    dataset: str
    model: str
    scores: tuple[float, float, float, float]
    seen: str


BEAUTY, SPORTS, TOYS = "Amazon Beauty", "Amazon Sports", "Amazon Toys"
SIZES = {(22_363, 12_101): BEAUTY, (35_598, 18_357): SPORTS, (19_412, 11_924): TOYS}
"""Users and items, by which a data set is recognised."""
ROWS = (
    Reported(BEAUTY, "TIGER", (0.0454, 0.0321, 0.0648, 0.0384), UNKNOWN),
    Reported(BEAUTY, "S3-Rec", (0.0387, 0.0244, 0.0647, 0.0327), REMOVED),
    Reported(BEAUTY, "SASRec, one negative", (0.0387, 0.0249, 0.0605, 0.0318), REMOVED),
    Reported(BEAUTY, "DuoRec", (NONE, NONE, 0.0845, 0.0443), KEPT),
    Reported(BEAUTY, "ActionPiece", (NONE, NONE, 0.0775, 0.0424), UNKNOWN),
    Reported(BEAUTY, "RPG", (NONE, NONE, 0.0809, 0.0464), KEPT),
    Reported(BEAUTY, "SASRec, sampled softmax", (NONE, NONE, 0.0921, 0.0531), UNKNOWN),
    Reported(BEAUTY, "eSASRec", (NONE, NONE, 0.0928, 0.0523), UNKNOWN),
    Reported(BEAUTY, "BSARec", (0.0736, 0.0523, 0.1008, 0.0611), REMOVED),
    Reported(SPORTS, "TIGER", (NONE, NONE, 0.0400, 0.0225), UNKNOWN),
    Reported(SPORTS, "S3-Rec", (NONE, NONE, 0.0385, 0.0204), REMOVED),
    Reported(SPORTS, "SASRec, one negative", (NONE, NONE, 0.0350, 0.0192), REMOVED),
    Reported(SPORTS, "DuoRec", (NONE, NONE, 0.0498, 0.0262), KEPT),
    Reported(SPORTS, "ActionPiece", (NONE, NONE, 0.0500, 0.0264), UNKNOWN),
    Reported(SPORTS, "SASRec, sampled softmax", (NONE, NONE, 0.0569, 0.0314), UNKNOWN),
    Reported(SPORTS, "eSASRec", (NONE, NONE, 0.0560, 0.0323), UNKNOWN),
    Reported(TOYS, "TIGER", (NONE, NONE, 0.0712, 0.0432), UNKNOWN),
    Reported(TOYS, "S3-Rec", (NONE, NONE, 0.0700, 0.0376), REMOVED),
    Reported(TOYS, "SASRec, sampled softmax", (NONE, NONE, 0.0970, 0.0580), UNKNOWN),
    Reported(TOYS, "eSASRec", (NONE, NONE, 0.0939, 0.0538), UNKNOWN),
)
SETTINGS = ("As reported, on other machines. TIGER's IDs come from Sentence-T5 vectors of 768 numbers, in three levels of 256 "
            "codes and a collision level; an encoder-decoder of 4+4 layers and 13 million parameters with a user token writes "
            "them. S3-Rec and its SASRec row sample one negative per positive; here SASRec uses the full softmax. Items of the "
            "history: excluded from the lists or kept in them, as far as the authors' code shows; compare rows of one rule only.")


def dataset_of(cat: Catalogue) -> str | None:
    """Which data set of the papers a catalogue is, by its numbers of users and items; None: none of them."""
    return SIZES.get((cat.n_users, cat.n_items))


def reported_frame(dataset: str = BEAUTY) -> pd.DataFrame:
    """One data set's reported rows in the columns of ``recommenders.scores_frame``, best recall@10 first."""
    rows = [{"dataset": row.dataset, "model": row.model, "ids": REPORTED, "seen": row.seen,
             **dict(zip(NAMES, row.scores, strict=True))} for row in ROWS if row.dataset == dataset]
    return pd.DataFrame(rows).sort_values("recall@10", ascending=False, kind="stable", ignore_index=True)


def beyond_summary(beyond: pd.Series) -> str:
    """What measured rows have that the reported ones of the same kind have not, in a sentence.

    Args:
        beyond: a column of ``recommenders.table_frame``.
    """
    known = [part for part in dict.fromkeys(", ".join(beyond.dropna()).split(", ")) if part]
    return f"Measured here, and not in the reported rows of the same kind: {', '.join(known)}." if known else ""
