"""Remedy 6 in its two forms: a penalty on every changed code, or new codes only for items whose error exceeds a threshold."""

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from tiger import metrics
from tiger.core.progress import Progress
from tiger.quantizers.base import Quantizer
from tiger.quantizers.fine_tuning import penalised_encode
from tiger.studies.drift.baseline import Baseline
from tiger.studies.drift.simulate import Version

MODES = {"penalty": "fine-tune with a penalty on changed codes",
         "threshold": "no training; re-assign only items whose error exceeds a threshold"}


def with_penalty(baseline: Baseline, new: Version, n_steps: int, penalty: float) -> Generator[Progress, None, Baseline]:
    """Fine-tune with the cost penalty |e_new - e_old|^2 for every changed code.

    The penalty applies to every assignment: in each training step, so that encoder and codebooks adapt to the codes
    that items keep, and in the end. Penalty 0 is plain fine-tuning.

    Args:
        n_steps: training steps; 0 only encodes.
    """
    made, keep_IL = baseline.quantizer, np.where(new.new_I[:, None], -1, baseline.codes_IL)
    if n_steps > 0:
        made = yield from baseline.quantizer.fine_tune_steps(new.emb_IE, n_steps, keep_IL=keep_IL, penalty=penalty)
    codes_IL = penalised_encode(made, new.emb_IE, keep_IL, penalty)
    return replace(baseline, quantizer=made, codes_IL=codes_IL, emb_IE=new.emb_IE)


def past_threshold(baseline: Baseline, new: Version, threshold: float) -> Baseline:
    """Re-encode the items whose error on the new vectors is more than ``threshold`` times what it was before.

    "Before" is the item's own squared error when it got its codes, or the median one where that is larger, so that an
    item with almost no error may move a little, too. An item that no other codes fit better keeps its own. Without
    drift no error grows, so nothing changes.

    Args:
        threshold: at least 1.
    """
    stays_I = ~new.new_I & metrics.has_id(baseline.codes_IL)
    codes_IL, error_I = baseline.codes_IL.copy(), np.zeros(len(new.emb_IE))
    was_I = baseline.error_I
    if was_I is None:
        was_I = np.zeros(len(new.emb_IE))
        was_I[stays_I] = _errors(baseline.quantizer, baseline.emb_IE[stays_I], codes_IL[stays_I])
    error_I[stays_I] = _errors(baseline.quantizer, new.emb_IE[stays_I], codes_IL[stays_I])
    typical = float(np.median(was_I[stays_I])) if stays_I.any() else 0.0
    found_IL = baseline.quantizer.encode(new.emb_IE)
    found_I = _errors(baseline.quantizer, new.emb_IE, found_IL)
    moves_I = ~stays_I | ((error_I > threshold * np.maximum(was_I, typical)) & (found_I < error_I))
    codes_IL[moves_I] = found_IL[moves_I]
    return replace(baseline, codes_IL=codes_IL, error_I=np.where(moves_I, found_I, was_I))


def _errors(quantizer: Quantizer, emb_NE: np.ndarray, codes_NL: np.ndarray) -> np.ndarray:
    """Squared distance of each vector from what its codes decode to."""
    if len(codes_NL) == 0:
        return np.zeros(0)
    return np.square(emb_NE.astype(np.float64) - quantizer.decode(codes_NL)).sum(1)
