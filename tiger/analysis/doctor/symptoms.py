"""When codes are bad: every threshold in one place, and the levels and numbers that miss it.

The thresholds were set on RQ-VAEs trained on Amazon Beauty and on the synthetic shop, healthy and broken on purpose;
``benchmarks/doctor_trial.py`` measures how well they hold.
"""

from tiger.analysis.doctor.signs import Fall, Settings, Signs
from tiger.core.words import counted

COLLAPSED_USE = 0.03  # perplexity below this share of the reach (or below 1.5): the level says next to nothing
COLLAPSED = 1.5
STARVED_USE = 0.25  # below this share a level wastes most of its codebook
STARVED_DEAD = 0.5  # so does a level with more than this share of dead codes
TOLD_APART = 0.90  # share of items with a prefix of their own; then deeper levels have nothing left to do
MOSTLY_APART = 0.60  # the same for levels of a clustering in one go
UNIQUE_ENOUGH = 0.80  # distinct IDs per distinct vector; three healthy levels of 256 reach 0.9 and more on Amazon Beauty
ROOMY = 20  # IDs that can be spelled per item; with fewer, collisions cannot be helped
BUDGET_ENOUGH = 0.01  # learning rates summed over all steps; weights start at about this size
STEPS_ENOUGH = 30
EXPLAINED_ENOUGH = 0.05  # share of the variance; the mean alone gives 0
EXPLAINED_WELL = 0.25  # a trained RQ-VAE gives 0.4 and more
BETA_USUAL = 2.0  # the literature takes 0.1 to 2; from about 5 on encoders shrink
BETA_LITTLE = 0.01
RATE_DEFAULT = 1e-3
RATE_USUAL = 0.01
CHANCE_FACTOR = 1.5  # neighbours that share the first code, against chance
CHANCE_ROOM = 1 / 8  # of what is left above chance, where chance is high: two codes give a half
QUERIES_ENOUGH = 20  # with fewer looked-up items, recall against chance says nothing
MEAN_SHARE = 0.75  # at 0.7 the default RQ-VAE is still healthy on both data sets, at 0.8 its third level starves
SPREAD_PER_RATE = 400  # spread in learning rates: healthy at 500 and more, a starving level at 300 and less
LARGE_SPREAD = 1e10  # at 1e11 still healthy, at 1e12 the squares that Adam averages overflow float32
SPREAD_PER_BUDGET = 12  # spread in summed learning rates: healthy at 10 and less, too many collisions at 14 and more
WIDEST_COLUMN = 0.9  # share of the variance in one column
COPIES = 0.05  # share of items that copy another's vector; Amazon Beauty has 0.004
NEAR_COPIES = 0.2  # share of items with a nearly equal neighbour
LATENT_WIDTH = 8  # narrower latents leave deeper levels next to nothing to code


def levels_summary(levels: list[int]) -> str:
    """``Level 1`` or ``Levels 1 and 3``, from levels counted from 0."""
    names = [str(level + 1) for level in levels]
    return f"Level {names[0]}" if len(names) == 1 else f"Levels {', '.join(names[:-1])} and {names[-1]}"


def perplexities(signs: Signs) -> str:
    """``Perplexity per level: 203.7, 205.8 and 203.0 of 256``"""
    shown = [f"{value:.1f}" if signs.sizes_guessed else f"{value:.1f} of {reach:,}"
             for value, reach in zip(signs.perplexity, signs.reach, strict=True)]
    among = f", among the {counted(signs.n_judged, 'distinct vector')}" if signs.n_judged < signs.n_items else ""
    return f"Perplexity per level: {', '.join(shown)}{among}"


def fall_sentence(fall: Fall) -> str:
    """What was changed, when, and what it did to perplexity."""
    changes = " and ".join(f"{name.replace('_', ' ')} to {value:g}" for name, value in fall.values.items())
    return (f"At step {fall.step:,}, these settings changed: {changes}; mean perplexity was {fall.before:.1f} before and is "
            f"{fall.after:.1f} at the end.")


def collapse_limit(signs: Signs, level: int) -> float:
    """Perplexity below which a level has collapsed; a guessed size says nothing."""
    return COLLAPSED if signs.sizes_guessed else max(COLLAPSED, COLLAPSED_USE * signs.reach[level])


def collapsed_levels(signs: Signs) -> list[int]:
    """Levels that use next to one code."""
    return [level for level, value in enumerate(signs.perplexity)
            if signs.reach[level] > 1 and value < collapse_limit(signs, level)]


def starved_levels(signs: Signs) -> list[int]:
    """Levels that leave most of their codes unused; none where the sizes were guessed."""
    found = []
    for level, reach in enumerate(signs.reach):
        out_of_reach = signs.n_codes[level] - reach
        dead_share = max(0, signs.dead[level] - out_of_reach) / reach
        if reach > 1 and (signs.use[level] < STARVED_USE or dead_share > STARVED_DEAD) and not signs.sizes_guessed:
            found.append(level)
    return found


def idle_levels(signs: Signs, settings: Settings) -> list[int]:
    """Starved last levels that are no fault: clustering in one go has little to separate there, and most IDs are distinct.

    Residual k-means spends its last codes on a few outliers where earlier levels separate most items.
    """
    starved = starved_levels(signs)
    if not starved or not settings.names or settings.trained or not signs.ordered or signs.unique < UNIQUE_ENOUGH:
        return []
    last = starved == list(range(len(signs.use)))[-len(starved):]
    return starved if last and starved[0] > 0 and signs.prefixes[starved[0] - 1] >= MOSTLY_APART * signs.n_judged else []


def has_collapsed(signs: Signs) -> bool:
    """Whether every level uses next to one code."""
    return len(collapsed_levels(signs)) == len(signs.perplexity)


def chance_sentence(signs: Signs) -> str | None:
    """Says so where codes share no more with the true neighbours than chance; None otherwise, and where nobody knows.

    Codes that are hardly used are left out: they share everything with everybody.
    """
    if not signs.neighbours or starved_levels(signs) or collapsed_levels(signs):
        return None
    first = max(signs.neighbours, key=lambda one: one.recall.mean - one.by_chance) if not signs.ordered else signs.neighbours[0]
    limit = first.by_chance + min((CHANCE_FACTOR - 1) * first.by_chance, CHANCE_ROOM * (1 - first.by_chance))
    if first.recall.n < QUERIES_ENOUGH or first.recall.low >= limit:
        return None
    which = "the first code" if signs.ordered else "the best level's code"
    return (f"True neighbours share {which} in {first.recall.mean:.1%} of cases and chance gives {first.by_chance:.1%}; "
            f"the threshold is {limit:.1%}.")


def lost_sentence(signs: Signs, settings: Settings) -> str | None:
    """Says so where a trained decoder gives back next to nothing, though the codes are in use."""
    if starved_levels(signs) or not settings.trained or signs.explained is None or signs.explained >= EXPLAINED_ENOUGH:
        return None
    return f"{explained_sentence(signs)}; the threshold is {EXPLAINED_ENOUGH:.0%}."


def explained_sentence(signs: Signs) -> str:
    """``Decoding the codes gives back 47% of the embeddings' variance`` without a full stop."""
    return f"Explained variance: decoding the codes recovers {max(signs.explained or 0.0, 0.0):.0%} of the embeddings' variance"


def fail(signs: Signs, settings: Settings) -> bool:
    """Whether the codes are bad in any way, whatever the cause."""
    return bool(has_collapsed(signs) or starved_levels(signs) or signs.unique < UNIQUE_ENOUGH
                or chance_sentence(signs) or lost_sentence(signs, settings))
