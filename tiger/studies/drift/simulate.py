"""Simulated drift: five ways in which embeddings change over time, each with its own parameter."""

from dataclasses import dataclass

import numpy as np

from tiger import metrics
from tiger.core.params import param


@dataclass
class SimulatedDrift:
    """How the vectors change from one period to the next at strength 1; the strength scales every number."""

    rotation: float = param(30.0, "Rotate all vectors together by this many degrees, as a retrained text model does.",
                            low=0.0, high=180.0)
    shift: float = param(0.2, "Shift each category in a direction of its own, by this share of the mean vector length.",
                         low=0.0, high=5.0)
    noise: float = param(0.2, "Add noise of this share of each vector's length.", low=0.0, high=5.0)
    replaced: float = param(0.05, "Share of items whose place a new product takes.", low=0.0, high=0.9)
    season: float = param(0.0, "Seasonal shift of each category, back at zero every four periods, as a share of the mean length.",
                          low=0.0, high=5.0)
    seed: int = param(0, "Seed of the simulation.", low=0, high=2**31 - 1)


@dataclass(frozen=True)
class Version:
    """A second version of the items' vectors.

    Args:
        emb_IE: float32, in the catalogue's order.
        new_I: True where a new item took the place.
        notes: sentences on how it was made to fit.
        refitted: whether it was of another width and had to be made to fit.
    """

    emb_IE: np.ndarray
    new_I: np.ndarray
    notes: tuple[str, ...] = ()
    refitted: bool = False


def simulate(emb_IE: np.ndarray, labels_I: np.ndarray | None, drift: SimulatedDrift, strength: float = 1.0,
             n_periods: int = 1) -> list[Version]:
    """The catalogue's vectors after each period.

    Each period rotates, shifts and perturbs the vectors of the one before. The seasonal shift does not accumulate: after
    four periods it is zero again. A place that a new product took counts as new in that period only.

    Args:
        emb_IE: today's vectors.
        labels_I: one category a item (any values); None: all items are one category.
        strength: 0 changes nothing at all.

    Raises:
        ValueError: strength below 0 or not finite.
    """
    if not (np.isfinite(strength) and strength >= 0):
        raise ValueError(f"the drift's strength is {strength}, but must be a finite number of at least 0.")
    start_IE = np.ascontiguousarray(emb_IE, np.float32)
    group_I = np.zeros(len(start_IE), np.int64) if labels_I is None else metrics.label_numbers(labels_I)
    length = float(np.linalg.norm(start_IE, axis=1).mean())
    swing_GE = _directions(np.random.default_rng([drift.seed, 1]), int(group_I.max(initial=0)) + 2, start_IE.shape[1])
    found, now_IE = [], start_IE.astype(np.float64)
    for period in range(1, n_periods + 1):
        rng = np.random.default_rng([drift.seed, 2, period])
        now_IE = _shifted(now_IE, group_I, drift.shift * strength * length, rng)
        now_IE = _perturbed(now_IE, drift.noise * strength, rng)
        now_IE, new_I = _replaced(now_IE, group_I, min(0.9, drift.replaced * strength), rng)
        now_IE = rotate(now_IE, np.deg2rad(drift.rotation * strength), rng)
        wave = np.sin(np.pi / 2 * period) * drift.season * strength * length
        season_IE = now_IE + wave * swing_GE[group_I] if abs(wave) > 1e-12 else now_IE
        found.append(Version(season_IE.astype(np.float32), new_I))
    return found


def rotate(x_IE: np.ndarray, angle: float, rng: np.random.Generator) -> np.ndarray:
    """Every vector rotated by exactly ``angle`` (radians): the same angle in E/2 random planes at once.

    An odd last direction stays. x' = Q B Q' x, where B turns each pair of coordinates and Q is a random basis.
    """
    if angle == 0:
        return x_IE
    width = x_IE.shape[1] // 2 * 2
    basis_EE = np.linalg.qr(rng.standard_normal((x_IE.shape[1],) * 2))[0]
    y_IE = x_IE @ basis_EE
    first, second = y_IE[:, 0:width:2].copy(), y_IE[:, 1:width:2].copy()
    y_IE[:, 0:width:2] = np.cos(angle) * first - np.sin(angle) * second
    y_IE[:, 1:width:2] = np.sin(angle) * first + np.cos(angle) * second
    return y_IE @ basis_EE.T


def _directions(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
    """Random directions of length 1 (n, E)."""
    made = rng.standard_normal((n, width))
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def _shifted(x_IE: np.ndarray, group_I: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    directions_GE = _directions(rng, int(group_I.max(initial=0)) + 2, x_IE.shape[1])  # the last: no category (-1)
    return x_IE + size * directions_GE[group_I] if size else x_IE


def _perturbed(x_IE: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    noise_IE = _directions(rng, *x_IE.shape)
    return x_IE + share * np.linalg.norm(x_IE, axis=1, keepdims=True) * noise_IE if share else x_IE


def _replaced(x_IE: np.ndarray, group_I: np.ndarray, share: float,
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """New products: the mean of two others of the same category, as long as a typical vector."""
    order_I, new_I = rng.permutation(len(x_IE)), np.zeros(len(x_IE), bool)
    new_I[order_I[:round(share * len(x_IE))]] = True
    if not new_I.any():
        return x_IE, new_I
    length = np.linalg.norm(x_IE, axis=1).mean()
    made_IE = x_IE.copy()
    for item in np.flatnonzero(new_I):
        same = np.flatnonzero(group_I == group_I[item])
        one, two = rng.choice(same, 2)
        made = x_IE[one] + x_IE[two] + 0.3 * length * _directions(rng, 1, x_IE.shape[1])[0]
        made_IE[item] = made * (length / max(float(np.linalg.norm(made)), 1e-12))
    return made_IE, new_I
