"""What papers report for Amazon Beauty, to stand beside measured rows. Nothing here was measured by this project.

Source: Rajput et al. 2023, "Recommender Systems with Generative Retrieval", table 1 (arXiv:2305.05065). Its rows
of baselines are those that Zhou et al. 2020 (S3-Rec) reported.
"""

import pandas as pd

NAMES = ("recall@5", "ndcg@5", "recall@10", "ndcg@10")
BEAUTY = {
    "TIGER": (0.0454, 0.0321, 0.0648, 0.0384),
    "S3-Rec": (0.0387, 0.0244, 0.0647, 0.0327),
    "SASRec": (0.0387, 0.0249, 0.0605, 0.0318),
}
SETTINGS = ("As reported, on other machines: IDs from Sentence-T5 vectors of 768 numbers, three levels of 256 codes and a "
            "collision level, an encoder-decoder of 4+4 layers and 13 million parameters with a user token, 200,000 steps "
            "of 256. The baselines sample negatives, one per positive; here sasrec uses the full softmax.")
USERS, ITEMS = 22_363, 12_101  # by which the data set is recognised


def reported_frame() -> pd.DataFrame:
    """The reported rows in the columns of ``recommenders.scores_frame``."""
    rows = [{"dataset": "Amazon Beauty", "model": name, "ids": "as reported", **dict(zip(NAMES, values, strict=True))}
            for name, values in BEAUTY.items()]
    return pd.DataFrame(rows)
