"""The diseases a codebook can have: one function each, most serious first, their thresholds in one place.

Each takes the signs and the quantizer's hyper-parameters and returns a diagnosis, or None where it does not fit.
The thresholds were set on RQ-VAEs trained on Amazon Beauty and on the synthetic shop, healthy and broken on purpose.
"""

from typing import Any

from tiger.analysis.doctor import remedies
from tiger.analysis.doctor.diagnosis import Diagnosis
from tiger.analysis.doctor.signs import Signs

COLLAPSED_USE = 0.03  # perplexity below this share of the reach (or below 1.5): the level says next to nothing
STARVED_USE = 0.25  # below this share a level wastes most of its codebook
STARVED_DEAD = 0.5  # so does a level with more than this share of dead codes
TOLD_APART = 0.90  # share of items with a prefix of their own; then deeper levels have nothing left to do
UNIQUE_ENOUGH = 0.80  # share of different IDs; three healthy levels of 256 reach 0.9 and more on Amazon Beauty
ROOMY = 20  # IDs that can be spelled per item; with fewer, collisions cannot be helped
BUDGET_ENOUGH = 0.01  # learning rates summed over all steps; weights start at about this size
STEPS_ENOUGH = 30
EXPLAINED_ENOUGH = 0.05  # share of the variance; the mean alone gives 0
EXPLAINED_WELL = 0.25  # a trained RQ-VAE gives 0.4 and more
BETA_USUAL = 2.0  # the literature takes 0.1 to 2; from about 5 on encoders shrink
BETA_LITTLE = 0.01
RATE_USUAL = 0.01
CHANCE_FACTOR = 1.5  # neighbours that share the first code, against chance


def perplexities(signs: Signs) -> str:
    """``Perplexity per level: 203.7, 205.8 and 203.0 of 256.``"""
    shown = [f"{value:.1f} of {reach:,}" for value, reach in zip(signs.perplexity, signs.reach, strict=True)]
    return f"Perplexity per level: {', '.join(shown)}"


def levels_summary(levels: list[int]) -> str:
    """``Level 1`` or ``Levels 1 and 3``, from levels counted from 0."""
    names = [str(level + 1) for level in levels]
    return f"Level {names[0]}" if len(names) == 1 else f"Levels {', '.join(names[:-1])} and {names[-1]}"


def collapsed_levels(signs: Signs) -> list[int]:
    """Levels that use next to one code."""
    return [level for level, (value, reach) in enumerate(zip(signs.perplexity, signs.reach, strict=True))
            if reach > 1 and value < collapse_limit(reach)]


def collapse_limit(reach: int) -> float:
    """Perplexity below which a level with this reach has collapsed."""
    return max(1.5, COLLAPSED_USE * reach)


def starved_levels(signs: Signs) -> list[int]:
    """Levels that leave most of their codes unused."""
    found = []
    for level, reach in enumerate(signs.reach):
        out_of_reach = signs.n_codes[level] - reach
        dead_share = max(0, signs.dead[level] - out_of_reach) / reach
        if reach > 1 and (signs.use[level] < STARVED_USE or dead_share > STARVED_DEAD):
            found.append(level)
    return found


def untrained(signs: Signs, params: dict[str, Any]) -> Diagnosis | None:
    """Weights that cannot have moved, or codes that know nothing of the items."""
    evidence = []
    if signs.n_steps is not None and signs.n_steps < STEPS_ENOUGH:
        evidence.append(f"Only {signs.n_steps} training steps were done; below {STEPS_ENOUGH} hardly anything is "
                        "learned.")
    if signs.budget is not None and signs.budget < BUDGET_ENOUGH:
        evidence.append(f"The learning rates of all steps add up to {signs.budget:.2g}. With Adam no weight moves much "
                        f"further than that, and below {BUDGET_ENOUGH} weights stay where chance put them.")
    in_use = not starved_levels(signs)
    first = signs.neighbours[0] if signs.neighbours else None
    if in_use and first is not None and not first.recall.low >= CHANCE_FACTOR * first.by_chance:
        evidence.append(f"True neighbours share the first code in {first.recall.mean:.1%} of cases and chance would "
                        f"give {first.by_chance:.1%}; codes that mean something reach at least {CHANCE_FACTOR:g} times "
                        "chance.")
    if in_use and "learning_rate" in params and signs.explained is not None and signs.explained < EXPLAINED_ENOUGH \
            and not _strong(signs):
        evidence.append(f"Decoding the codes gives back {max(signs.explained, 0):.0%} of the embeddings' variance; "
                        f"{EXPLAINED_ENOUGH:.0%} is the least that training should reach.")
    if not evidence:
        return None
    evidence.append(perplexities(signs) + ".")
    return Diagnosis("untrained", "Untrained", "critical", evidence,
                     "The codes are still close to chance. Usage may look fine or not, it means nothing yet: similar "
                     "items get codes that have nothing to do with each other.",
                     [remedies.USUAL_RATE, remedies.longer(max(600, 2 * params.get("n_steps", 0)))], signs)


def _strong(signs: Signs) -> bool:
    return signs.beta is not None and signs.beta > BETA_USUAL


def over_strong_commitment(signs: Signs, params: dict[str, Any]) -> Diagnosis | None:
    """A commitment term that keeps the encoder from telling items apart."""
    lost = signs.explained is not None and signs.explained < EXPLAINED_WELL
    if not _strong(signs) or not (lost or starved_levels(signs)):
        return None
    evidence = [f"beta is {signs.beta:g}; the paper takes 0.25, and above {BETA_USUAL:g} commitment tends to win.",
                perplexities(signs) + "."]
    if signs.explained is not None:
        evidence.append(f"Decoding the codes gives back {max(signs.explained, 0):.0%} of the embeddings' variance; "
                        f"a trained RQ-VAE gives back {EXPLAINED_WELL:.0%} and more.")
    return Diagnosis("over_strong_commitment", "Over-strong commitment", "critical", evidence,
                     "Commitment pulls every latent vector to its code. When it outweighs reconstruction, the cheapest "
                     "way out is to make all latent vectors alike: then they are near their codes, and say nothing.",
                     [remedies.LOWER_BETA if params.get("kmeans_init", True) and params.get("restart_threshold", 1)
                      else remedies.LOWER_BETA_AND_MORE], signs)


def total_collapse(signs: Signs, params: dict[str, Any]) -> Diagnosis | None:
    """Every level uses next to nothing of its codebook."""
    if len(collapsed_levels(signs)) < len(signs.perplexity):
        return None
    limit = collapse_limit(max(signs.reach))
    evidence = [f"{perplexities(signs)}; below {limit:.1f} a level has collapsed.",
                f"{signs.n_items:,} items share {signs.collisions.unique:,} ID{'s' * (signs.collisions.unique > 1)}; the "
                f"fullest holds {signs.collisions.largest:,} items."]
    offered = [remedies.KMEANS_RESTART, remedies.EMA, remedies.SIMVQ, remedies.SINKHORN]
    rate = params.get("learning_rate")
    if rate is not None and rate > RATE_USUAL:
        evidence.append(f"The learning rate is {rate:g}; above {RATE_USUAL:g} the encoder runs away from its codes.")
        offered.insert(0, remedies.LOWER_RATE)
    if params.get("estimator") == "none":
        evidence.append("No gradient passes the codebook (estimator none), so the encoder never hears of the items.")
        offered.insert(0, remedies.STRAIGHT_THROUGH)
    return Diagnosis("total_collapse", "Total collapse", "critical", evidence,
                     "A few codes won all items early. A code that is never chosen gets no gradient, so it never comes "
                     "back, and the decoder learns to answer with the average item.", offered, signs)


def level_starvation(signs: Signs, params: dict[str, Any]) -> Diagnosis | None:
    """Some levels use a small part of their codebook: most are never chosen, or there is nothing left to tell apart."""
    starved = starved_levels(signs)
    if not starved:
        return None
    evidence = [f"Level {level + 1} has a perplexity of {signs.perplexity[level]:.1f} of {signs.reach[level]:,} "
                f"({signs.use[level]:.0%}) and {signs.dead[level]:,} dead codes; below {STARVED_USE:.0%}, or with more "
                f"than {STARVED_DEAD:.0%} dead, a level starves." for level in starved]
    fed = [level for level in range(len(signs.use)) if level not in starved]
    if fed:
        shown = ", ".join(f"{signs.perplexity[level]:.1f} of {signs.reach[level]:,}" for level in fed)
        evidence.append(f"{levels_summary(fed)} for comparison: {shown}.")
    if starved[0] > 0 and signs.prefixes[starved[0] - 1] >= TOLD_APART * signs.n_items:
        return _nothing_left(signs, starved[0], evidence)
    verb = "does" if len(starved) == 1 else "do"
    return Diagnosis("level_starvation", "Level starvation", "serious", evidence,
                     f"{levels_summary(starved)} {verb} little work: most codes there are hardly ever chosen. Either "
                     "they began far from what earlier levels leave over, or they lost their items while the encoder "
                     "moved.",
                     [remedies.KMEANS_RESTART, remedies.RESTART, remedies.EMA, remedies.SINKHORN, remedies.STANDARDISE],
                     signs)


def _nothing_left(signs: Signs, level: int, evidence: list[str]) -> Diagnosis:
    """Starvation because the levels before have told the items apart."""
    evidence = [*evidence, f"The first {level} level{'s' if level > 1 else ''} already spell{'' if level > 1 else 's'} "
                f"{signs.prefixes[level - 1]:,} different prefixes for {signs.n_items:,} items; above "
                f"{TOLD_APART:.0%} there is little left to do."]
    return Diagnosis("level_starvation", "Level starvation", "mild", evidence,
                     "Earlier levels tell nearly all items apart, so what they leave over is close to nothing and "
                     "nearly every item takes the same code.", [remedies.shallower(level, signs.n_codes)], signs)


def collision_storm(signs: Signs, params: dict[str, Any]) -> Diagnosis | None:
    """Too many items share all their codes."""
    if signs.unique >= UNIQUE_ENOUGH:
        return None
    clash, n_levels, n_codes = signs.collisions, len(signs.n_codes), max(signs.n_codes)
    evidence = [f"{clash.unique:,} different IDs for {signs.n_items:,} items ({signs.unique:.0%}); below "
                f"{UNIQUE_ENOUGH:.0%} collisions are a storm.",
                f"{clash.collided_items:,} items share their ID with another; the fullest ID holds {clash.largest:,}."]
    offered = []
    if signs.beta is not None and signs.beta < BETA_LITTLE:
        evidence.append(f"beta is {signs.beta:g}; without commitment, latent vectors run away from their codes.")
        offered.append(remedies.SOME_BETA)
    if signs.capacity < ROOMY * signs.n_items:
        evidence.append(f"{' × '.join(map(str, signs.n_codes))} codes spell {signs.capacity:,.0f} IDs, "
                        f"{signs.capacity / signs.n_items:.1f} per item; below {ROOMY} per item many must collide.")
        offered += [remedies.WIDER] if n_codes < 256 else []
    else:
        offered += [remedies.KMEANS_RESTART, remedies.SPREAD, remedies.longer(2 * params.get("n_steps", 600))]
    offered += [remedies.deeper(max(n_levels + 1, 3), signs.n_codes)] if n_levels < 8 else []
    return Diagnosis("collision_storm", "Collision storm", "serious" if signs.unique < 0.5 else "mild", evidence,
                     "Codes are in use, yet many items get the same ID. A recommender can tell such items apart only "
                     "by the arbitrary number of the collision level.", offered, signs)


def healthy(signs: Signs, params: dict[str, Any]) -> Diagnosis:
    """Nothing else fits."""
    evidence = [f"{perplexities(signs)}; a level is well from {STARVED_USE:.0%} on.",
                f"{signs.collisions.unique:,} different IDs for {signs.n_items:,} items ({signs.unique:.1%}); "
                f"codes are well from {UNIQUE_ENOUGH:.0%} on."]
    if signs.explained is not None:
        evidence.append(f"Decoding the codes gives back {max(signs.explained, 0):.0%} of the embeddings' variance.")
    if signs.neighbours:
        first = signs.neighbours[0]
        evidence.append(f"True neighbours share the first code in {first.recall.mean:.1%} of cases; chance would give "
                        f"{first.by_chance:.1%}.")
    return Diagnosis("healthy", "Healthy", "good", evidence,
                     "All levels use their codebooks, and most items can be told apart by their codes "
                     "alone.", [], signs)


DISEASES = (untrained, over_strong_commitment, total_collapse, level_starvation, collision_storm)
CAUSES_ALL = ("untrained", "over_strong_commitment", "total_collapse")  # what else fits follows from these
