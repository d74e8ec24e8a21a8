"""Random codes: a hash of the vector's bytes; what semantic IDs are worth is measured against it.

Every code is a pure function of the seed and the vector, so an unseen item gets codes too, equal vectors get
equal codes (and collide), and near vectors get unrelated ones.

Source: the "Random ID" baseline of Rajput et al. 2023, section 4.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tiger.core.learner import LiveParams, TrainingState
from tiger.core.progress import Progress
from tiger.quantizers.base import Quantizer, Steps, check_codes, check_embeddings, check_fitted, row_blocks
from tiger.quantizers.fine_tuning import refit_steps

BLOCK = 8192


@dataclass
class RandomCodes(Quantizer):
    """Codes that know nothing of the item's content."""

    name: ClassVar[str] = "random_codes"
    title: ClassVar[str] = "Random codes"
    summary: ClassVar[str] = "A hash of the vector: few collisions, but similar items share no prefix."
    can_fine_tune: ClassVar[bool] = True
    residual: ClassVar[bool] = False
    level_summary: ClassVar[str] = "Each level is an independent hash."

    def fit_steps(self, emb_IE: np.ndarray, *, state: TrainingState | None = None,
                  live_params: LiveParams | None = None) -> Iterator[Progress]:
        """Draw the hash; see ``Quantizer.fit_steps``."""
        self.refuse_state(state)
        self.check_params()
        emb_IE = check_embeddings(emb_IE)
        random = np.random.default_rng(self.seed)
        factors = random.integers(0, 2**63, (emb_IE.shape[1], self.n_levels), dtype=np.int64) | 1
        self.factors_EL = torch.from_numpy(factors)
        self.mean_E = torch.from_numpy(emb_IE.mean(0, dtype=np.float64).astype(np.float32))
        yield Progress("hash", 1, 1)

    def fine_tune_steps(self, emb_IE: np.ndarray, n_steps: int = 150, *, rate: float = 0.2,
                        keep_IL: np.ndarray | None = None, penalty: float = 0.0) -> Steps:
        """The mean anew; the hash depends on the seed alone."""
        return refit_steps(self, emb_IE)

    def encode(self, emb_NE: np.ndarray, batch_size: int = 8192) -> np.ndarray:
        """See ``Quantizer.encode``: a multiply-and-mix hash of the 32 bits of every number, one per level."""
        check_fitted(self, "factors_EL")
        factors_EL = self.factors_EL.numpy().astype(np.uint64)
        codes_NL = np.empty((len(emb_NE), self.n_levels), np.int64)
        for rows, block in row_blocks(emb_NE, len(factors_EL), batch_size, BLOCK):
            words_BE = (block + np.float32(0)).view(np.uint32).astype(np.uint64)  # + 0 makes -0 equal to 0
            for level, size in enumerate(self.codes_per_level):
                hash_B = (words_BE * factors_EL[:, level]).sum(1, dtype=np.uint64)
                codes_NL[rows, level] = _mix(hash_B) % np.uint64(size)
        return codes_NL

    def decode(self, codes_NL: np.ndarray) -> np.ndarray:
        """The mean of all items, whatever the codes: they say nothing of the content."""
        check_fitted(self, "factors_EL")
        return self.mean_E.numpy()[None].repeat(len(check_codes(codes_NL, self.codes_per_level)), 0)

    def latent(self, emb_NE: np.ndarray) -> np.ndarray:
        """The embedding itself."""
        check_fitted(self, "factors_EL")
        return check_embeddings(emb_NE, len(self.mean_E))

    def codebooks(self) -> None:
        """Random codes have no vectors."""
        return None

    def tensors(self) -> dict[str, Tensor]:
        """See ``Quantizer.tensors``."""
        check_fitted(self, "factors_EL")
        return {"factors": self.factors_EL, "mean": self.mean_E}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """See ``Quantizer.load_tensors``."""
        self.factors_EL, self.mean_E = tensors["factors"], tensors["mean"]


def _mix(hash_B: np.ndarray) -> np.ndarray:
    """Spread every input bit over all output bits (splitmix64's finaliser; Steele et al. 2014)."""
    hash_B = (hash_B ^ (hash_B >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hash_B = (hash_B ^ (hash_B >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hash_B ^ (hash_B >> np.uint64(31))
