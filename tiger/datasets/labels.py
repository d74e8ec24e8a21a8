"""A label an item, for purity, mutual information and diversity."""

import numpy as np

from tiger.datasets.catalogue import Catalogue


def category_labels(cat: Catalogue) -> tuple[np.ndarray | None, str]:
    """One label an item and what it is: the category down to its second level, or the commonest attribute."""
    path = cat.items["category"].astype(str).str.strip()
    if (path != "").any():
        return path.str.split(">").str[:2].str.join(">").str.strip().to_numpy(object), "category (two levels)"
    if "attributes" in cat.items:
        parts = cat.items["attributes"].astype(str).str.split()
        count = parts.explode().value_counts()
        best = [max(words, key=count.__getitem__) if words else "" for words in parts]
        return np.array(best, object), "commonest attribute"
    return None, ""
