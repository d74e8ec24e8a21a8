"""A vector for every prefix of the catalogue, so that a code means something else after another prefix.

Code 7 of level 2 is one vector whatever stands before it, and a narrow network must tell all its meanings apart.
Here each prefix (c1, ..., cl) of the catalogue has a vector of its own, added to its last code's vector wherever
that is read or scored. The last prefix of an item is the item itself. The price: the tables grow with the catalogue.

Source: Wang et al. 2022, "A Neural Corpus Indexer for Document Retrieval", section 3.3 (prefix-aware decoder).
"""

import torch
from torch import nn

from tiger.trie import Trie


class PrefixVectors(nn.Module):
    """Tables over the trie's nodes from the second level on; the first level's prefixes are its codes.

    Args:
        ids_IM: int64 unique IDs; -1 in the rows of items without one.
        n_codes: codes to choose from, one number a level.
        width: of the vectors.
    """

    path_IM: torch.Tensor

    def __init__(self, ids_IM: torch.Tensor, n_codes: list[int], width: int):
        super().__init__()
        self.trie = Trie(ids_IM.numpy(), n_codes)
        node_I, path = torch.zeros(len(ids_IM), dtype=torch.int64), []
        for level in range(len(n_codes)):
            node_I = self.trie.child(level, node_I, ids_IM[:, level])
            path.append(node_I)
        self.register_buffer("path_IM", torch.stack(path, 1), persistent=False)
        self.tables = nn.ModuleList(nn.Embedding(self.trie.n_nodes(level + 1), width)
                                    for level in range(1, len(n_codes)))

    def read(self, level: int, node_N: torch.Tensor) -> torch.Tensor:
        """Vectors (N, D) of prefixes that end at this level; zeros for the first level and outside the catalogue."""
        if level == 0:
            return torch.zeros((*node_N.shape, int(self.tables[0].embedding_dim)))  # type: ignore[arg-type]
        return self.tables[level - 1](node_N.clamp(min=0)) * (node_N >= 0)[..., None]

    def add_scores(self, logits_NK: torch.Tensor, query_ND: torch.Tensor, level: int,
                   node_N: torch.Tensor) -> torch.Tensor:
        """Logits of this level's codes with each child prefix's score added; ``node_N`` are the parents.

        Only the children that exist are touched, all of them in one flat product.
        """
        if level == 0:
            return logits_NK
        pointer, parent_N = self.trie.child_ptr[level], node_N.clamp(min=0)
        start_N = pointer[parent_N]
        count_N = torch.where(node_N >= 0, pointer[parent_N + 1] - start_N, 0)
        row_X = torch.repeat_interleave(torch.arange(len(node_N)), count_N)
        child_X = torch.arange(len(row_X)) - (count_N.cumsum(0) - count_N - start_N)[row_X]
        score_X = (query_ND[row_X] * self.tables[level - 1].weight[child_X]).sum(-1)  # type: ignore[index]
        place = (row_X, self.trie.child_code[level][child_X])
        return logits_NK.index_put(place, score_X.to(logits_NK.dtype), accumulate=True)
