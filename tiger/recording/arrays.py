"""What people hand over, as checked numpy arrays: tensors of any library, lists, arrays of any integer or float kind."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tiger.core.words import counted
from tiger.datasets.reference import Values

RESERVED = ("step", "t_s", "live_param", "knob", "value", "row", "note", "seq", "perplexity", "dead", "window", "learning_rate",
            "explained")
MAX_CODES = 2**22


def array(given: Any) -> np.ndarray:
    """Anything array-like as numpy; a tensor is taken from its device, bfloat16 is widened."""
    if hasattr(given, "detach"):
        given = given.detach()
        if "bfloat16" in str(given.dtype):
            given = given.float()
        return given.cpu().numpy()  # quicker than asking numpy to convert it
    return np.asarray(given)


def number(given: Any) -> float:
    """One number, of a tensor as well."""
    return float(given.detach() if hasattr(given, "detach") else given)


def vectors(given: Any, what: str) -> np.ndarray:
    """Float32 (N, width), finite and in rows. Raises ValueError otherwise."""
    found = array(given)
    if found.ndim != 2 or 0 in found.shape or found.dtype.kind not in "fiu":
        raise ValueError(f"{what} are {found.dtype} of shape {found.shape}, but must be numbers (items, width), both at least 1.")
    found = np.ascontiguousarray(found, np.float32)
    bad_N = ~np.isfinite(found).all(axis=1)
    if bad_N.any():
        raise ValueError(f"{what}, row {int(bad_N.argmax())}, holds NaN or infinity ({counted(int(bad_N.sum()), 'such row')}); "
                         "drop or repair them.")
    return found


def sizes(n_codes: int | Sequence[int]) -> list[int]:
    """Codes of each level. Raises ValueError for a level of fewer than one code."""
    found = [int(size) for size in np.atleast_1d(array(n_codes))]
    if not found or min(found) < 1 or max(found) > MAX_CODES:
        raise ValueError(f"n_codes is {n_codes!r}, but must list the codes of each level, 1 to {MAX_CODES:,}, such as "
                         "[256, 256, 256].")
    return found


def ids(given: Sequence[Any] | None, n_items: int) -> list[str]:
    """One text an item, all different. Raises ValueError otherwise."""
    if given is None:
        return [str(number) for number in range(n_items)]
    found = [str(one) for one in (given.tolist() if hasattr(given, "tolist") else given)]
    if len(found) != n_items:
        raise ValueError(f"there are {len(found):,} item_ids for {counted(n_items, 'embedding')}; give one for each, in the same "
                         "order.")
    if len(set(found)) != n_items or not all(one.strip() for one in found):
        seen: set[str] = set()
        again = next((one for one in found if not one.strip() or one in seen or seen.add(one)), "")  # type: ignore[func-returns-value]
        raise ValueError(f"the item id '{again[:40]}' is empty or there more than once; give every item an id of its own.")
    return found


def codes(given: Any, n_codes: Sequence[int]) -> np.ndarray:
    """Codes (N, L) int32: of (N, L), of (N,) with one level, of more axes before the levels, or of one array a level.

    Raises:
        ValueError: no whole numbers, another number of levels, or a code that is not below its level's size.
    """
    n_levels = len(n_codes)
    if isinstance(given, list | tuple) and len(given) == n_levels and getattr(given[0], "ndim", 0) >= 1:
        found = np.stack([array(one).reshape(-1) for one in given], axis=1)
    else:
        found = array(given)
        if found.ndim and n_levels == 1 and (found.ndim == 1 or found.shape[-1] != 1):
            found = found[..., None]
        if found.ndim < 2 or found.shape[-1] != n_levels:
            raise ValueError(f"codes have shape {found.shape}, but must be (batch, {n_levels}): one code for each of the "
                             f"{counted(n_levels, 'level')} that n_codes lists.")
        found = found.reshape(-1, n_levels)
    if found.dtype.kind not in "iu":
        raise ValueError(f"codes are {found.dtype}, but must be whole numbers from 0.")
    largest_L = found.max(axis=0).tolist() if len(found) else []
    for level, (largest, size) in enumerate(zip(largest_L, n_codes, strict=False)):
        if largest >= size:
            raise ValueError(f"level {level + 1} holds the code {largest}, but n_codes says that it has {size}; codes "
                             "run from 0.")
    return (found if found.dtype.kind == "u" else np.maximum(found, -1)).astype(np.int32)


def rows(given: Any, n: int, n_items: int) -> np.ndarray:
    """The items' numbers (N,) int64. Raises ValueError where one is no item, or they are another number than the codes."""
    found = array(given).reshape(-1)
    if found.dtype.kind not in "iu" or len(found) != n:
        raise ValueError(f"rows are {found.dtype} of {len(found):,}, but must be the number of the item of each of the "
                         f"{counted(n, 'code')}.")
    if n and (found.min() < 0 or found.max() >= n_items):
        raise ValueError(f"rows hold {int(found.min())} to {int(found.max())}, but items have numbers "
                         f"from 0 to {n_items - 1:,}.")
    return found.astype(np.int64)


def codebooks(given: Any, n_codes: Sequence[int]) -> list[np.ndarray]:
    """One (K, Z) float32 a level. Raises ValueError where they do not have the sizes of the levels."""
    found = [array(book) for book in given] if isinstance(given, list | tuple) else list(array(given))
    if len(found) != len(n_codes) and len(n_codes) == 1:
        found = [array(given)]
    shapes = [book.shape for book in found]
    if len(found) != len(n_codes) or any(len(shape) != 2 or shape[0] != size or shape[1] < 1
                                         for shape, size in zip(shapes, n_codes, strict=True)):
        raise ValueError(f"codebooks have the shapes {shapes}, but must be one (codes, width) for each level, with "
                         f"{', '.join(map(str, n_codes))} codes.")
    return [np.array(book, np.float32, order="C") for book in found]


def explained(inputs: Any, outputs: Any) -> float:
    """1 - sum |x - x'|^2 / sum |x - mean|^2 over a batch, computed where the tensors are.

    Raises:
        ValueError: of different shapes.
    """
    x, y = (one.detach() if hasattr(one, "detach") else np.asarray(one) for one in (inputs, outputs))
    if x.shape != y.shape or len(x.shape) != 2:
        raise ValueError(f"inputs have shape {tuple(x.shape)} and outputs {tuple(y.shape)}, but both must be (batch, width).")
    lost, spread = float(((x - y) ** 2).sum()), float(((x - x.mean(0)) ** 2).sum())
    return 1 - lost / spread if spread > 0 else 0.0


def name(given: Any) -> str:
    """A loss's name as it stands in the log. Raises ValueError for one that means something else there."""
    found = re.sub(r"[^a-z0-9@]+", "_", str(given).lower()).strip("_")[:60]
    if not found or found in RESERVED:
        raise ValueError(f"a loss cannot be called '{str(given)[:40]}'; names such as 'loss' or 'recon_loss' can, but none of "
                         f"{', '.join(RESERVED)}.")
    return found


def plain(settings: Mapping[str, Any]) -> Values:
    """Settings as JSON holds them: what it has no word for becomes text."""
    return {str(key): value for key, value in json.loads(json.dumps(dict(settings), default=str)).items()}
