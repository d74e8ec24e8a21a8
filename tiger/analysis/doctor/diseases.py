"""What can be wrong with codes themselves: one function each, which takes signs and settings.

Each returns a diagnosis, or None where it does not fit; ``DISEASES`` lists them with the causes of ``causes``, most
serious first.
"""

from tiger.analysis.doctor import causes, remedies, symptoms
from tiger.analysis.doctor.diagnosis import Diagnosis, Remedy
from tiger.analysis.doctor.signs import Settings, Signs
from tiger.analysis.doctor.symptoms import ROOMY, STARVED_DEAD, STARVED_USE, TOLD_APART, UNIQUE_ENOUGH
from tiger.core.words import counted


def total_collapse(signs: Signs, settings: Settings) -> Diagnosis | None:
    """Every level uses next to nothing of its codebook."""
    if not symptoms.has_collapsed(signs):
        return None
    limit = max(symptoms.collapse_limit(signs, level) for level in range(len(signs.perplexity)))
    evidence = [f"{symptoms.perplexities(signs)}; below {limit:.1f} a level has collapsed.",
                f"{signs.n_items:,} {'items' if signs.matched else 'recorded rows'} share {signs.collisions.unique:,} "
                f"ID{'s' * (signs.collisions.unique > 1)}; the most frequent belongs to {signs.collisions.largest:,} of them."]
    return Diagnosis("total_collapse", "critical", evidence,
                     "A few codes were assigned all items. A code without items gets no gradient, so it stays unused, "
                     "and the decoder learns to output the mean item.",
                     [remedies.KMEANS_RESTART, remedies.EMA, remedies.SIMVQ, remedies.SINKHORN], signs)


def at_chance(signs: Signs, settings: Settings) -> Diagnosis | None:
    """Codes of an untrainable quantizer, or imported ones, that have nothing to do with the embeddings."""
    sentence = None if settings.trained else symptoms.chance_sentence(signs)
    if sentence is None:
        return None
    origin = "This quantizer's codes do not follow the items' embeddings" if settings.names else \
        "They were made from other embeddings, or are matched to the wrong items"
    return Diagnosis("at_chance", "critical", [sentence, symptoms.perplexities(signs) + "."],
                     f"Similar items share no more codes than random ones. {origin}, so a recommender can learn nothing "
                     "from a shared prefix.", [], signs)


def level_starvation(signs: Signs, settings: Settings) -> Diagnosis | None:
    """Some levels use a small part of their codebook."""
    starved = symptoms.starved_levels(signs)
    if not starved or symptoms.idle_levels(signs, settings):
        return None
    evidence = [f"Level {level + 1} has a perplexity of {signs.perplexity[level]:.1f} of {signs.reach[level]:,} "
                f"({signs.use[level]:.0%}) and {counted(signs.dead[level], 'dead code')}; the thresholds are {STARVED_USE:.0%} "
                f"and {STARVED_DEAD:.0%} dead." for level in starved]
    fed = [level for level in range(len(signs.use)) if level not in starved]
    if fed:
        shown = ", ".join(f"{signs.perplexity[level]:.1f} of {signs.reach[level]:,}" for level in fed)
        evidence.append(f"{symptoms.levels_summary(fed)} for comparison: {shown}.")
    if signs.ordered and signs.matched and starved[0] > 0 and signs.prefixes[starved[0] - 1] >= TOLD_APART * signs.n_judged:
        return _nothing_left(signs, settings, starved[0], evidence)
    return Diagnosis("level_starvation", "serious", evidence, _why_starved(signs, settings, starved),
                     [*_starvation_causes(signs, settings), remedies.KMEANS_RESTART, remedies.RESTART, remedies.EMA,
                      remedies.SINKHORN, remedies.STANDARDISE], signs)


def _why_starved(signs: Signs, settings: Settings, starved: list[int]) -> str:
    which = f"{symptoms.levels_summary(starved)} carr{'ies' if len(starved) == 1 else 'y'} little information: most codes " \
            "there have hardly any items. "
    if not signs.ordered:
        return which + "Levels of this quantizer are independent: each codes a part of the vector of its own, and that part " \
                       "varies little."
    if settings.names and not settings.trained:
        return which + "What earlier levels leave over lies close together, so a few codes cover it."
    return which + "Either those codes began far from what earlier levels leave over, or they lost their items while the " \
                   "encoder moved."


def _starvation_causes(signs: Signs, settings: Settings) -> list[Remedy]:
    """Remedies for what the settings give as the reason, first."""
    found, n_codes = [], max(signs.n_codes)
    if settings.starts_badly:
        found.append(remedies.KMEANS_RESTART)
    if n_codes > 16 and n_codes > signs.n_distinct / 4:
        found.append(remedies.narrower(max(16, min(256, 2 ** int(signs.n_distinct / 8).bit_length() // 2))))
    if settings.latent_width is not None and settings.latent_width < symptoms.LATENT_WIDTH:
        found.append(remedies.WIDER_LATENT)
    if settings.batch_size is not None and settings.batch_size < min(n_codes, signs.n_items):
        found.append(remedies.LARGER_BATCH)
    if settings.ema and settings.ema_decay is not None and not 0.5 <= settings.ema_decay <= 0.999:
        found.append(remedies.EMA_DECAY)
    if settings.sinkhorn:
        found.append(remedies.NEAREST)
    return found


def _nothing_left(signs: Signs, settings: Settings, level: int, evidence: list[str]) -> Diagnosis:
    """Starvation because the levels before have told the items apart."""
    evidence = [*evidence, f"The first {level} level{'s' if level > 1 else ''} already spell{'' if level > 1 else 's'} "
                f"{counted(signs.prefixes[level - 1], 'distinct prefix', 'distinct prefixes')} for "
                f"{counted(signs.n_judged, 'item')}; above {TOLD_APART:.0%} deeper levels have nothing left to separate."]
    return Diagnosis("level_starvation", "mild", evidence,
                     "Earlier levels separate nearly all items, so the residuals are close to nothing and nearly every item "
                     "gets the same code.",
                     [*_starvation_causes(signs, settings), remedies.shallower(level, signs.n_codes)], signs)


def too_few_ids(signs: Signs, settings: Settings) -> Diagnosis | None:
    """Collisions that no use of the codebooks can prevent; comes before starvation, which larger codebooks help, too."""
    return None if settings.starts_badly or not _cramped(signs) else collision_storm(signs, settings)


def _cramped(signs: Signs) -> bool:
    """Whether the levels spell too few IDs for the items; nobody knows where the sizes were guessed."""
    return signs.capacity < ROOMY * signs.n_distinct and not signs.sizes_guessed


def collision_storm(signs: Signs, settings: Settings) -> Diagnosis | None:
    """Too many items share all their codes."""
    if signs.unique >= UNIQUE_ENOUGH:
        return None
    clash, n_levels, n_codes = signs.collisions, len(signs.n_codes), max(signs.n_codes)
    evidence = [f"{_unique_summary(signs)}; the threshold is {UNIQUE_ENOUGH:.0%}.",
                f"{counted(clash.collided_items, 'item')} share their ID with another item; the most frequent ID belongs to "
                f"{clash.largest:,}."]
    offered = []
    if settings.starts_badly:
        offered.append(remedies.KMEANS_RESTART)
    if signs.beta is not None and signs.beta < symptoms.BETA_LITTLE:
        evidence.append(f"beta is {signs.beta:g}; without commitment, latent vectors move away from their codes.")
        offered.append(remedies.SOME_BETA)
    if _cramped(signs):
        evidence.append(f"{' × '.join(map(str, signs.n_codes))} codes give {signs.capacity:,.0f} possible IDs, "
                        f"{signs.capacity / signs.n_distinct:.1f} per item; below {ROOMY} per item, many items collide.")
        offered += _more_ids(signs, n_codes, n_levels)
    else:
        if signs.vectors and signs.vectors.near_share > symptoms.NEAR_COPIES:
            evidence.append(f"{signs.vectors.near_share:.0%} of the items have a nearly equal neighbour, closer than 1 % of the "
                            "spread.")
        offered += [remedies.NEAREST] if settings.sinkhorn else []
        offered += [remedies.SPREAD, *([remedies.deeper(n_levels + 1, signs.n_codes)] if n_levels < 8 else []),
                    remedies.KMEANS_RESTART, remedies.longer(2 * (settings.n_steps or 600))]
    return Diagnosis("collision_storm", "serious" if signs.unique < 0.5 else "mild", evidence,
                     "Codes are in use, yet many items get the same ID. A recommender can tell such items apart only "
                     "by the arbitrary number of the collision level.", offered, signs)


def _more_ids(signs: Signs, n_codes: int, n_levels: int) -> list[Remedy]:
    """Larger codebooks, then more levels: enough of them to spell ``ROOMY`` IDs an item."""
    def enough(size: int) -> int:
        return next((depth for depth in range(n_levels, 8) if size**depth >= ROOMY * signs.n_distinct), 8)

    found = []
    if n_codes < 256:
        found.append(remedies.wider(enough(256) if enough(256) > n_levels else None))
    if n_levels < 8:
        found.append(remedies.deeper(max(enough(n_codes), n_levels + 1, 3) if n_codes >= 256 else max(n_levels + 1, 3),
                                     signs.n_codes))
    return found


def _unique_summary(signs: Signs) -> str:
    """``1,990 distinct IDs for 2,000 items (99.5%)``, and for how many distinct vectors where those are fewer."""
    if signs.n_copies:
        return (f"{counted(signs.collisions.unique, 'distinct ID')} for {counted(signs.n_items, 'item')} with "
                f"{counted(signs.n_distinct, 'distinct vector')} ({signs.unique:.1%} of what is possible)")
    return f"{counted(signs.collisions.unique, 'distinct ID')} for {counted(signs.n_items, 'item')} ({signs.unique:.1%})"


def duplicates(signs: Signs, settings: Settings) -> Diagnosis | None:
    """Items with equal vectors, which no quantizer can tell apart."""
    if signs.n_copies <= symptoms.COPIES * signs.n_items:
        return None
    evidence = [f"{copies_sentence(signs.n_distinct, signs.n_items)}; the threshold is {symptoms.COPIES:.0%} copies.",
                f"{_unique_summary(signs)}."]
    if signs.vectors is not None and signs.vectors.n_zero:
        evidence.append(f"{counted(signs.vectors.n_zero, 'vector is zero: this item has', 'vectors are zero: these items have')} "
                        "no text that the embedding reads.")
    severity = "mild" if signs.n_distinct > signs.n_items / 2 else "serious" if signs.n_distinct > 1 else "critical"
    return Diagnosis("duplicates", severity, evidence,  # type: ignore[arg-type]
                     "Equal vectors get equal codes from every quantizer, so no hyper-parameter helps; the collision level "
                     "numbers the copies. Merge items that are the same, or embed texts or histories that differ.", [], signs)


def copies_sentence(n_distinct: int, n_items: int) -> str:
    """``4,500 distinct vectors among 5,000 items: at most 4,500 distinct IDs are possible``"""
    return (f"{n_distinct:,} distinct vector{'s' if n_distinct > 1 else ''} among {n_items:,} items: at most {n_distinct:,} "
            f"distinct ID{'s are' if n_distinct > 1 else ' is'} possible")


def healthy(signs: Signs, settings: Settings) -> Diagnosis:
    """Nothing else fits."""
    evidence = [f"{symptoms.perplexities(signs)}; healthy above {STARVED_USE:.0%}." if not signs.sizes_guessed else
                f"{symptoms.perplexities(signs)}. The codebook sizes were guessed from the largest codes, so utilisation and "
                "dead codes are not judged.",
                *([f"{_unique_summary(signs)}; healthy above {UNIQUE_ENOUGH:.0%}."] if signs.matched else [])]
    if idle := symptoms.idle_levels(signs, settings):
        evidence.append(f"{symptoms.levels_summary(idle)} ha{'s' if len(idle) == 1 else 've'} little to separate: the prefixes "
                        f"before already tell {signs.prefixes[idle[0] - 1]:,} of {counted(signs.n_judged, 'item')} apart.")
    if signs.explained is not None:
        evidence.append(symptoms.explained_sentence(signs) + ".")
    if signs.neighbours and signs.neighbours[0].recall.n:
        first = signs.neighbours[0]
        evidence.append(f"True neighbours share {'the first' if signs.ordered else 'the same'} code"
                        f"{'' if signs.ordered else ' of level 1'} in {first.recall.mean:.1%} of cases; chance gives "
                        f"{first.by_chance:.1%}.")
    if not signs.ordered:
        evidence.append("The levels are independent, so each is judged by itself; a shared prefix is just that many equal codes.")
    use = "The codebooks are in use wherever items are left to separate" if symptoms.starved_levels(signs) else \
        "All levels use their codebooks"
    apart = ", and most items can be told apart by their codes alone" if signs.matched else ""
    return Diagnosis("healthy", "good", evidence, f"{use}{apart}.", [], signs)


DISEASES = (causes.untrained, causes.over_strong_commitment, causes.high_learning_rate, causes.no_gradient,
            causes.dominant_mean, causes.small_scale, causes.large_scale, causes.dominant_column, total_collapse,
            causes.learned_nothing, at_chance, too_few_ids, level_starvation, causes.short_way, collision_storm, duplicates)
