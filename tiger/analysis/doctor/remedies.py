"""The remedies that the field uses, each with its reason in one sentence."""

from collections.abc import Sequence
from dataclasses import replace

from tiger.analysis.doctor.diagnosis import START, Remedy
from tiger.analysis.doctor.signs import Params
from tiger.core.words import counted

KMEANS_RESTART = Remedy(
    "Initialise by k-means and restart dead codes",
    "k-means assigns items to every code from the first step; a restart moves a code without items onto an item.",
    START)
RESTART = Remedy(
    "Restart dead codes", "A code without items moves onto an item of the current batch, which is assigned to it in the next "
    "step.", {"restart_threshold": 1.0})
EMA = Remedy(
    "Update the codebooks by moving averages (EMA)", "Each code becomes the running mean of its items, which follows the "
    "encoder faster than gradient steps do.", {"ema": True, "simvq": False, "restart_threshold": 1.0})
EMA_DECAY = Remedy(
    "Set the EMA decay to 0.99", "The running mean then covers about a hundred steps: it follows the encoder and averages over "
    "more than one batch.", {"ema_decay": 0.99, "restart_threshold": 1.0})
SINKHORN = Remedy(
    "Balance each batch over the codes", "Sinkhorn assignment distributes a batch evenly while training, so no code gets all "
                                         "items.", {"sinkhorn": True})
NEAREST = Remedy(
    "Assign each item to its nearest code", "Codes are then trained on the items that they also get after training; Sinkhorn "
                                            "assigns different ones.", {"sinkhorn": False})
SIMVQ = Remedy(
    "Reparameterise the codebook (SimVQ)", "One learned matrix moves all codes together, so unused codes are trained as well.",
    {"simvq": True, "ema": False})
CENTRE = Remedy(
    "Centre the embeddings and scale them to spread 1", "The mean goes to 0 and the root mean square distance from it to 1; "
    "all distances between items keep their ratios.", {"normalise": "centre"})
STANDARDISE = Remedy(
    "Standardise the embeddings", "Every column gets mean 0 and deviation 1, so no offset, scale or single column decides the "
    "codes.", {"normalise": "standardise"})
UNIT_LENGTH = Remedy(
    "Scale every embedding to length 1", "Directions do not change; only the lengths are removed.", {"normalise": "l2"})
CENTRE_PLANES = Remedy(
    "Move the hyperplanes to the mean", "With a large mean, all vectors lie on the same side of hyperplanes through the origin.",
    {"centre": "mean"})
USUAL_RATE = Remedy(
    "Train with the default learning rate", "A learning rate of 0.001 and 600 steps are enough for every weight to converge.",
    {"learning_rate": 1e-3, "n_steps": 600})
LOWER_RATE = Remedy(
    "Lower the learning rate to 0.001", "Smaller steps keep the encoder close to its codes.", {"learning_rate": 1e-3})
LOWER_BETA = Remedy(
    "Lower beta to 0.25", "Reconstruction dominates the loss again; commitment only keeps latent vectors near their codes.",
    {"beta": 0.25})
SOME_BETA = Remedy(
    "Raise beta to 0.25", "Without commitment the latent vectors move away from their codes.", {"beta": 0.25})
STRAIGHT_THROUGH = Remedy(
    "Use the straight-through estimator", "The encoder is then trained on the reconstruction, not on the commitment loss "
    "alone.", {"estimator": "ste"})
SPREAD = Remedy(
    "Spread the latent vectors (KoLeo)", "Each is pushed away from its nearest neighbour, so that nearly equal items still get "
    "codes of their own; reconstruction becomes a little worse.", {"koleo": 1.0})
WIDER_LATENT = Remedy(
    "Use 32 latent dimensions", "In few dimensions residuals are small after one level; with more dimensions deeper levels "
                                "have something left to code.", {"latent_width": 32})
LARGER_BATCH = Remedy(
    "Train on batches of 1,024", "A batch smaller than the codebook leaves most codes without an item in every step.",
    {"batch_size": 1024})


def at_usual_rate(remedy: Remedy) -> Remedy:
    """The same, and a lower learning rate."""
    return replace(remedy, title=f"{remedy.title}, at a learning rate of 0.001", changes=remedy.changes | LOWER_RATE.changes)


def faster(learning_rate: float) -> Remedy:
    """Larger steps."""
    return Remedy(f"Raise the learning rate to {learning_rate:g}", "Codes then move far enough to follow the encoder.",
                  {"learning_rate": learning_rate})


def longer(n_steps: int) -> Remedy:
    """Train for more steps."""
    return Remedy(f"Train for {counted(n_steps, 'step')}", "Items keep spreading over the codes for a long time after the loss "
                                                           "has flattened.", {"n_steps": n_steps})


def _levels(n_levels: int, sizes: Sequence[int]) -> Params:
    """The hyper-parameters that give so many levels; where levels differ, a new one is as large as the last."""
    if len(set(sizes)) == 1:
        return {"n_levels": n_levels}
    return {"n_levels": n_levels, "n_codes": [*sizes, *[sizes[-1]] * n_levels][:n_levels]}


def shallower(n_levels: int, sizes: Sequence[int]) -> Remedy:
    """Leave idle levels out; ``sizes`` are the codes of today's levels."""
    return Remedy(f"Use {n_levels} level{'s' if n_levels > 1 else ''}", "Shorter IDs carry the same information; every level "
                  "left out is one step less for the recommender.", {**_levels(n_levels, sizes)})


def deeper(n_levels: int, sizes: Sequence[int]) -> Remedy:
    """Add levels; ``sizes`` are the codes of today's."""
    return Remedy(f"Use {counted(n_levels, 'level')}", "Each further level multiplies the number of possible IDs and separates "
                                                       "items with equal prefixes.",
                  {**_levels(n_levels, sizes)})


def narrower(n_codes: int) -> Remedy:
    """A smaller codebook."""
    return Remedy(f"Use {n_codes} codes per level", "With nearly as many codes as items the first level separates them all; a "
                  "smaller codebook leaves work for the next levels.", {"n_codes": n_codes})


def twice_as_many(sizes: Sequence[int]) -> Remedy:
    """Every codebook twice as large; ``sizes`` are the codes of today's levels."""
    doubled = [2 * size for size in sizes]
    words = f"{doubled[0]:,}" if len(set(doubled)) == 1 else " · ".join(f"{size:,}" for size in doubled)
    return Remedy(f"Use {words} codes per level", "Twice as many codes at each level partition the space more finely.",
                  {"n_codes": doubled[0] if len(set(doubled)) == 1 else doubled})


def spread_more(koleo: float) -> Remedy:
    """KoLeo, at twice its weight where it is on already."""
    if koleo <= 0:
        return SPREAD
    return replace(SPREAD, title=f"Raise the weight of KoLeo to {2 * koleo:g}", changes={"koleo": 2 * koleo})


def wider(n_levels: int | None = None) -> Remedy:
    """A larger codebook, and more levels where that alone spells too few IDs."""
    more = f" and {counted(n_levels, 'level')}" if n_levels else ""
    return Remedy(f"Use 256 codes per level{more}", "A larger codebook partitions the space more finely.",
                  {"n_codes": 256} | ({"n_levels": n_levels} if n_levels else {}))
