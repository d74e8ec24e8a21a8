"""The remedies that the field uses, each with its reason in one sentence."""

from collections.abc import Sequence
from typing import Any

from tiger.analysis.doctor.diagnosis import Remedy

KMEANS_RESTART = Remedy(
    "Start from k-means and restart dead codes",
    "k-means gives every code some items from the first step; restarts bring back the codes that lose theirs while "
    "the encoder moves.", {"kmeans_init": True, "restart_threshold": 1.0})
RESTART = Remedy(
    "Restart dead codes", "A code that nobody chose moves onto an item of the present batch, where it is chosen at the "
    "next step.", {"restart_threshold": 1.0})
KMEANS = Remedy(
    "Start the codebooks from k-means", "Every code begins amid the data instead of far away, so every code wins some "
    "items from the first step.", {"kmeans_init": True})
EMA = Remedy(
    "Let the codebooks follow by moving averages", "Each code becomes the running mean of its items, which follows the "
    "encoder faster than gradient steps do.", {"ema": True, "simvq": False, "restart_threshold": 1.0})
SINKHORN = Remedy(
    "Balance each batch over the codes", "Sinkhorn assignment hands out a batch evenly while training, so no code can "
    "take everything.", {"sinkhorn": True})
SIMVQ = Remedy(
    "Reparameterise the codebook (SimVQ)", "One learned matrix moves all codes together, so unused codes learn too.",
    {"simvq": True, "ema": False})
STANDARDISE = Remedy(
    "Standardise the embeddings", "Columns of equal spread keep a few loud dimensions from deciding every code.",
    {"normalise": "standardise"})
USUAL_RATE = Remedy(
    "Train at the usual rate", "At a learning rate of 0.001 and 600 steps every weight can find its place.",
    {"learning_rate": 1e-3, "n_steps": 600})
LOWER_RATE = Remedy(
    "Lower the learning rate to 0.001", "Smaller steps keep the encoder from jumping away from its codes.",
    {"learning_rate": 1e-3})
LOWER_BETA = Remedy(
    "Lower beta to 0.25", "Reconstruction leads again; commitment only keeps the latent vectors near their codes.",
    {"beta": 0.25})
LOWER_BETA_AND_MORE = Remedy(
    "Lower beta to 0.25, start from k-means and restart dead codes", "Reconstruction leads again, and every code has "
    "items from the first step.", {"beta": 0.25, "kmeans_init": True, "restart_threshold": 1.0})
SOME_BETA = Remedy(
    "Raise beta to 0.25", "Without commitment the encoder runs away from its codes, which then describe where it was.",
    {"beta": 0.25})
STRAIGHT_THROUGH = Remedy(
    "Let the gradient pass (straight-through)", "The encoder then hears what the decoder needs, not only where the "
    "codes are.", {"estimator": "ste"})
SPREAD = Remedy(
    "Spread the latent vectors", "Each is pushed away from its nearest neighbour, so that nearly equal items still get "
    "codes of their own; reconstruction becomes a little worse.", {"koleo": 1.0})
WIDER = Remedy("Take 256 codes a level", "A wider codebook draws finer borders.", {"n_codes": 256})


def longer(n_steps: int) -> Remedy:
    """Train for more steps."""
    return Remedy(f"Train for {n_steps:,} steps", "The encoder goes on spreading the items over the codes for a long "
                  "time after the loss has flattened.", {"n_steps": n_steps})


def _levels(n_levels: int, sizes: Sequence[int]) -> dict[str, Any]:
    """The hyper-parameters that give so many levels; where levels differ, a new one is as large as the last."""
    if len(set(sizes)) == 1:
        return {"n_levels": n_levels}
    return {"n_levels": n_levels, "n_codes": [*sizes, *[sizes[-1]] * n_levels][:n_levels]}


def shallower(n_levels: int, sizes: Sequence[int]) -> Remedy:
    """Leave idle levels out; ``sizes`` are the codes of today's levels."""
    return Remedy(f"Take {n_levels} level{'s' if n_levels > 1 else ''}", "Shorter IDs say the same; every level left "
                  "out is one step less for the recommender.", _levels(n_levels, sizes))


def deeper(n_levels: int, sizes: Sequence[int]) -> Remedy:
    """Add levels; ``sizes`` are the codes of today's."""
    return Remedy(f"Take {n_levels} levels", "Each level more multiplies the IDs that can be spelled, and separates "
                  "items that agree so far.", _levels(n_levels, sizes))
