"""The sixth remedy in its two forms: every change of a code costs something, or only clearly wrong items change at all."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tiger import metrics
from tiger.core.progress import Progress
from tiger.quantizers.base import Quantizer
from tiger.quantizers.fine_tuning import penalised_encode
from tiger.studies.drift.baseline import Known
from tiger.studies.drift.simulate import Version

MODES = {"penalty": "fine-tune with a penalty on changed codes",
         "threshold": "no training; re-assign only items whose error passes a threshold"}


def with_penalty(known: Known, new: Version, n_steps: int, penalty: float) -> Iterator[Progress]:
    """Fine-tune while a change of a code costs penalty |e_new - e_old|^2; the last Progress carries ``known``.

    The penalty counts wherever a code is chosen: in every training step, so that encoder and codebooks adapt to
    the codes that items keep, and in the end. Penalty 0 is plain fine-tuning.

    Args:
        n_steps: training steps; 0 only encodes.
    """
    made, keep_IL = known.quantizer, np.where(new.new_I[:, None], -1, known.codes_IL)
    if n_steps > 0:
        made = yield from known.quantizer.fine_tune_steps(new.emb_IE, n_steps, keep_IL=keep_IL, penalty=penalty)
    codes_IL = penalised_encode(made, new.emb_IE, keep_IL, penalty)
    yield Progress("codes", 1, 1, {"known": replace(known, quantizer=made, codes_IL=codes_IL, emb_IE=new.emb_IE)})


def past_threshold(known: Known, new: Version, threshold: float) -> Known:
    """Re-encode the items whose error on the new vectors is more than ``threshold`` times what it was.

    What it was is the item's own squared error when it got its codes, or the typical (median) one where that is
    larger, so that an item that was hit exactly may move a little, too. An item that no other codes fit better
    keeps its own. Without drift no error grows, so nothing changes.

    Args:
        threshold: at least 1.
    """
    stays_I = ~new.new_I & metrics.has_id(known.codes_IL)
    codes_IL, error_I = known.codes_IL.copy(), np.zeros(len(new.emb_IE))
    was_I = known.error_I
    if was_I is None:
        was_I = np.zeros(len(new.emb_IE))
        was_I[stays_I] = _errors(known.quantizer, known.emb_IE[stays_I], codes_IL[stays_I])
    error_I[stays_I] = _errors(known.quantizer, new.emb_IE[stays_I], codes_IL[stays_I])
    typical = float(np.median(was_I[stays_I])) if stays_I.any() else 0.0
    found_IL = known.quantizer.encode(new.emb_IE)
    found_I = _errors(known.quantizer, new.emb_IE, found_IL)
    moves_I = ~stays_I | ((error_I > threshold * np.maximum(was_I, typical)) & (found_I < error_I))
    codes_IL[moves_I] = found_IL[moves_I]
    return replace(known, codes_IL=codes_IL, error_I=np.where(moves_I, found_I, was_I))


def _errors(quantizer: Quantizer, emb_NE: np.ndarray, codes_NL: np.ndarray) -> np.ndarray:
    """Squared distance of each vector from what its codes decode to."""
    if len(codes_NL) == 0:
        return np.zeros(0)
    return np.square(emb_NE.astype(np.float64) - quantizer.decode(codes_NL)).sum(1)
