"""The latest codes of a training, over several batches: one batch alone is too small to say how a codebook is used."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from tiger import metrics


class Window:
    """Codes of the latest batches, whole batches at a time.

    Perplexity of n codes drawn from K that are used evenly comes out about K / 2n too low, so a window holds several
    times K of them.

    Args:
        n_codes: K of each level.
        size: codes a level to hold at least; a batch leaves when the others alone are as many.
    """

    def __init__(self, n_codes: Sequence[int], size: int):
        self.n_codes, self.size = list(n_codes), size
        self.batches: deque[tuple[np.ndarray, np.ndarray | None]] = deque()
        self.n = 0
        widest = max(self.n_codes)
        self.offset_L = (np.arange(len(self.n_codes)) * (widest + 1) + 1).astype(np.int32)
        self.count_LK = np.zeros((len(self.n_codes), widest + 1), np.int64)  # the first of each row counts what is no code

    def add(self, codes_BL: np.ndarray, rows_B: np.ndarray | None = None) -> None:
        """Take a batch.

        Args:
            codes_BL: int32; -1 is no code, as of a level that was left out.
            rows_B: number of the item that each row belongs to; None where nobody says.
        """
        self._count(codes_BL, 1)
        self.batches.append((codes_BL, rows_B))
        self.n += len(codes_BL)
        while self.n - len(self.batches[0][0]) >= self.size:
            gone_BL, _ = self.batches.popleft()
            self._count(gone_BL, -1)
            self.n -= len(gone_BL)

    def _count(self, codes_BL: np.ndarray, sign: int) -> None:
        """Add a batch's codes to the counts, or take them away; one count over all levels is quicker than one a level."""
        found = np.bincount((codes_BL + self.offset_L).ravel(), minlength=self.count_LK.size)
        self.count_LK += sign * found.reshape(self.count_LK.shape)

    def perplexity(self) -> list[float]:
        """exp(entropy) of each level's codes in the window."""
        return metrics.perplexity(self.count_LK[:, 1:]).tolist()

    def dead(self) -> list[int]:
        """Codes of each level that nothing in the window has."""
        return metrics.dead_codes(self.count_LK[:, 1:], self.n_codes).tolist()

    def codes(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The codes (N, L) and the items' numbers (N,), ascending, each item with its newest codes; None for unknown items."""
        codes_NL = np.concatenate([codes_BL for codes_BL, _ in self.batches])
        rows = [rows_B for _, rows_B in self.batches]
        known = [rows_B for rows_B in rows if rows_B is not None]
        if len(known) < len(rows):
            return codes_NL, None
        rows_N = np.concatenate(known)
        items, newest = np.unique(rows_N[::-1], return_index=True)
        return codes_NL[::-1][newest], items
