"""A vector for every prefix of the catalogue, so that a code means something else after another prefix.

Code 7 of level 2 is one vector whatever stands before it, and a narrow network must tell all its meanings apart.
Here each prefix (c1, ..., cl) of the catalogue has a vector of its own, added to its last code's vector wherever
that is read or scored. The last prefix of an item is the item itself. The price: the tables grow with the catalogue.

Source: Wang et al. 2022, "A Neural Corpus Indexer for Document Retrieval", section 3.3 (prefix-aware decoder).
"""

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tiger.core import precision
from tiger.search.trie import Trie


class _TileScores(torch.autograd.Function):
    """Inner products (X,) of each tile's queries and child vectors, tile after tile; padding scores something, too.

    By hand, because torch's own gradient would turn every tile's child vectors around in memory and keep them twice.
    """

    @staticmethod
    def forward(ctx: Any, query_ND: torch.Tensor, table_CD: torch.Tensor,
                tiles: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
        found = [(F.embedding(row_YN.clamp(min=0), query_ND), F.embedding(child_YC.clamp(min=0), table_CD))
                 for row_YN, child_YC in tiles]
        ctx.tiles, ctx.found, ctx.shapes = tiles, found, (len(query_ND), *table_CD.shape)
        return torch.cat([torch.bmm(query_YND, child_YCD.mT).flatten() for query_YND, child_YCD in found])

    @staticmethod
    def backward(ctx: Any, grad_X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        rows, children = (torch.cat([part.flatten().clamp(min=0) for part in side]) for side in zip(*ctx.tiles, strict=True))
        query_XD, child_XD = grad_X.new_empty(len(rows), ctx.shapes[2]), grad_X.new_empty(len(children), ctx.shapes[2])
        at = query_at = child_at = 0
        for query_YND, child_YCD in ctx.found:
            n, n_queries, n_children = _sizes(query_YND, child_YCD)
            grad_YNC = grad_X[at:at + n].view(*query_YND.shape[:2], -1)
            torch.bmm(grad_YNC, child_YCD, out=query_XD[query_at:query_at + n_queries].view_as(query_YND))
            torch.bmm(grad_YNC.mT, query_YND, out=child_XD[child_at:child_at + n_children].view_as(child_YCD))
            at, query_at, child_at = at + n, query_at + n_queries, child_at + n_children
        sum_rows = torch.ops.aten.embedding_dense_backward  # adds up what belongs to the same row
        return (sum_rows(query_XD, rows, ctx.shapes[0], -1, False), sum_rows(child_XD, children, ctx.shapes[1], -1, False), None)


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
        # every prefix's last code, ready: a training step asks for many
        self.codes = [self.trie.code(level, torch.arange(self.trie.n_nodes(level + 1))).int() for level in range(len(n_codes))]
        self.tables = nn.ModuleList(nn.Embedding(self.trie.n_nodes(level + 1), width)
                                    for level in range(1, len(n_codes)))

    def read(self, level: int, node_N: torch.Tensor) -> torch.Tensor:
        """Vectors (N, D) of prefixes that end at this level; zeros for the first level and outside the catalogue."""
        if level == 0:
            return torch.zeros((*node_N.shape, int(self.tables[0].embedding_dim)))  # type: ignore[arg-type]
        known_N = node_N >= 0
        if known_N.all():
            return self.tables[level - 1](node_N)
        vectors = self.tables[level - 1](node_N.clamp(min=0))
        return vectors * known_N[..., None].to(vectors.dtype)

    def add_scores(self, logits_NK: torch.Tensor, query_ND: torch.Tensor, level: int,
                   node_N: torch.Tensor) -> torch.Tensor:
        """Logits of this level's codes with each child prefix's score added, in place; ``node_N`` are the parents.

        Only the children that exist are scored. Positions of the same parent share the product with its children, so
        that a table row is fetched once for them all: see ``tiles``.
        """
        tiles = self.tiles(level, node_N) if level else []
        if not tiles:
            return logits_NK
        codes, cells, nothing = self.codes[level].to(node_N.device), [], []
        for row_YN, child_YC in tiles:
            cell_YNC = row_YN[:, :, None] * logits_NK.shape[1] + codes[child_YC.clamp(min=0)][:, None]
            nothing_YNC = (row_YN < 0)[:, :, None] | (child_YC < 0)[:, None]
            cells.append(cell_YNC.masked_fill(nothing_YNC, 0).flatten())
            nothing.append(nothing_YNC.flatten())
        with precision.float32_products(query_ND.device):
            scores_X = _TileScores.apply(query_ND.float(), self.tables[level - 1].weight, tiles)
        added_X = scores_X.to(logits_NK.dtype).masked_fill(torch.cat(nothing), 0)  # padding adds nothing to the first cell
        logits_NK.view(-1).scatter_add_(0, torch.cat(cells), added_X)
        return logits_NK

    def tiles(self, level: int, node_N: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Which positions meet which children: pairs of (Y, n) positions and (Y, c) children, -1 where there is none.

        A tile holds up to n positions of one parent, n near what a parent has on average. Tiles of about as many children
        (up to the same power of two) stand in one pair, so that little of a product is padding.
        """
        row_N = (node_N >= 0).nonzero()[:, 0]
        row_N = row_N[node_N[row_N].argsort(stable=True)]
        if len(row_N) == 0:
            return []
        parent_P, n_P = node_N[row_N].unique_consecutive(return_counts=True)
        # a little below the mean, so that where hardly any parent is asked twice no tile has an empty place
        n = 2 ** math.ceil(math.log2(max(1.0, 0.8 * len(row_N) / len(parent_P))))
        tiles_P = (n_P + n - 1) // n
        at_Y = torch.repeat_interleave(torch.arange(len(parent_P)), tiles_P)
        nth_Y = torch.arange(len(at_Y)) - (tiles_P.cumsum(0) - tiles_P)[at_Y]
        slot_YN = nth_Y[:, None] * n + torch.arange(n)
        place_YN = ((n_P.cumsum(0) - n_P)[at_Y, None] + slot_YN).clamp(max=len(row_N) - 1)
        row_YN = row_N[place_YN].masked_fill(slot_YN >= n_P[at_Y, None], -1)
        first_Y, count_Y = self.trie.children(level, parent_P[at_Y])
        size_Y, found = _power_of_two(count_Y), []
        for size in size_Y.unique().cpu().tolist():
            chosen, offset_C = (size_Y == size).nonzero()[:, 0], torch.arange(size)
            child_YC = first_Y[chosen, None] + offset_C
            found.append((row_YN[chosen], child_YC.masked_fill(offset_C >= count_Y[chosen, None], -1)))
        return found


def _power_of_two(number_N: torch.Tensor) -> torch.Tensor:
    """The next power of two, as int64."""
    return 2 ** number_N.double().clamp(min=1).log2().ceil().long()


def _sizes(query_YND: torch.Tensor, child_YCD: torch.Tensor) -> tuple[int, int, int]:
    """Scores, queries and children of a pair of tiles."""
    n_tiles, n, c = len(query_YND), query_YND.shape[1], child_YCD.shape[1]
    return n_tiles * n * c, n_tiles * n, n_tiles * c
