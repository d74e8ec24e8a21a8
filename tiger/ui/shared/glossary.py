"""The terms that pages use, each defined in one sentence, and which of them stand on which page."""

import re
from html import escape

TERMS = {
    "Item": "something that can be recommended.",
    "Embedding": "the vector of numbers that describes an item's content; similar items have similar vectors.",
    "Encoder and decoder": "two networks: the encoder maps an embedding to a latent vector, the decoder maps it back.",
    "Latent": "the vector that the quantizer assigns codes to.",
    "Code": "one integer at one level, the index of an entry of the level's codebook.",
    "Codebook": "the vectors of one level; an item gets the code of the nearest one.",
    "Level": "a position in the semantic ID; level 1 is the coarsest.",
    "Residual": "what the codes of the earlier levels leave of a latent vector; the next level quantises it.",
    "Semantic ID": "the tuple of an item's codes, one a level.",
    "Prefix": "the first codes of a semantic ID; items that share one lie on the same branch of the tree.",
    "Perplexity": "how many codes are effectively in use: all K when they are used evenly, 1 when all items have the same.",
    "Dead code": "a code that no item was assigned to in the last epoch.",
    "Codebook collapse": "few codes are used for all items, so that semantic IDs no longer tell items apart.",
    "Beta": "the weight of the commitment loss.",
    "Commitment loss": "the squared distance from a latent to its code vectors; it keeps the encoder near them.",
    "Reconstruction loss": "the squared distance between an embedding and what the decoder makes of its codes.",
    "EMA": "exponential moving average: each code vector follows the mean of its items instead of a gradient.",
    "Straight-through": "the gradient passes the quantizer as if it were the identity, since a nearest code has none.",
    "Rotation trick": "the gradient is rotated and scaled like the step from the latent to its code vectors, instead of copied.",
    "Restart": "a dead code is moved to the vector of an item, so that it is used again.",
    "k-means initialisation": "the codes start at the cluster centres of the first latents, not at random.",
    "KoLeo": "a regulariser that pushes each latent away from its nearest neighbour, so that latents spread out.",
    "Collision": "several items have all codes in common; a further number then tells them apart.",
    "LSH": "locality-sensitive hashing: random hyperplanes give the code, and nothing is learned.",
    "UMAP": "a projection that keeps neighbours together; distances between far groups mean little.",
    "PCA": "the projection onto the directions of largest variance.",
    "Purity": "the share of items in a branch that have the branch's most frequent category.",
    "Beam search": "the ID is generated code by code, and at each level only the most probable prefixes are kept.",
    "Beam width": "how many prefixes beam search keeps at each level.",
    "Constrained": "beam search may only choose codes that continue to an item of the catalogue.",
    "Temperature": "divides the logits before the softmax: below 1 sharpens the distribution, above 1 flattens it.",
    "Held-out item": "the last item of a history, which training does not see and the model has to predict.",
    "Recall@k": "the share of users whose held-out item is among the first k recommendations.",
    "NDCG@k": "like recall@k, but a held-out item counts more the higher it is ranked.",
    "Cold item": "an item without interactions in training.",
    "Drift": "the change of embeddings over time, after which items may get other codes.",
}
ON_PAGES = {
    "home": ("Item", "Embedding", "Code", "Level", "Semantic ID", "Prefix", "Perplexity"),
    "playground": ("Encoder and decoder", "Latent", "Code", "Codebook", "Level", "Residual", "Semantic ID", "Reconstruction loss",
                   "Commitment loss", "Beta", "Straight-through", "Rotation trick", "Perplexity", "Dead code",
                   "Codebook collapse", "Restart", "k-means initialisation", "LSH"),
    "train": ("Latent", "Code", "Codebook", "Residual", "Perplexity", "Dead code", "Codebook collapse", "Reconstruction loss",
              "Commitment loss", "Beta", "Restart", "k-means initialisation", "EMA", "Straight-through", "Rotation trick",
              "KoLeo"),
    "codebooks": ("Code", "Codebook", "Level", "Residual", "Perplexity", "Dead code", "Collision"),
    "map": ("Embedding", "Latent", "Prefix", "UMAP", "PCA"),
    "tree": ("Prefix", "Level", "LSH", "Purity"),
    "doctor": ("Perplexity", "Dead code", "Codebook collapse", "Collision", "Restart", "k-means initialisation", "Beta"),
    "recommender": ("Semantic ID", "Held-out item", "Recall@k", "NDCG@k", "Beam search"),
    "beam": ("Prefix", "Beam search", "Beam width", "Constrained", "Temperature"),
    "drift": ("Drift", "Embedding", "Code", "Semantic ID"),
    "cold": ("Cold item", "Semantic ID", "Recall@k"),
    "diversity": ("Temperature", "Beam search"),
    "lessons": ("Embedding", "Code", "Codebook", "Level", "Residual", "Semantic ID", "Perplexity", "Dead code",
                "Codebook collapse"),
}


def of_page(key: str) -> list[tuple[str, str]]:
    """The terms on a page, with their definitions."""
    return [(term, TERMS[term]) for term in ON_PAGES.get(key, ())]


def marked(text: str, key: str) -> str:
    """Markdown in which the page's terms carry their definition where they first stand, shown when pointed at, tapped
    or reached by the keyboard.

    Args:
        text: words of this lab, not of a visitor, since they are shown as HTML.
        key: the page's.
    """
    meanings = {term.lower(): meaning for term, meaning in of_page(key)}
    if not meanings:
        return text
    longest_first = "|".join(re.escape(term) for term in sorted(meanings, key=len, reverse=True))

    def mark(found: re.Match[str]) -> str:
        meaning = meanings.pop(found[1].lower(), None)
        return found[0] if meaning is None else f'<abbr tabindex="0" title="{escape(meaning)}">{found[0]}</abbr>'

    return re.sub(rf"\b({longest_first})(?:e?s)?\b", mark, text, flags=re.IGNORECASE)
