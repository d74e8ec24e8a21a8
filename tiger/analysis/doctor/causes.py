"""What breaks codes from outside: too little training, hyper-parameters, and the embeddings themselves.

One function each, which takes the signs and the quantizer's settings and returns a diagnosis, or None where it does
not fit. A cause is only named where the codes are bad: a large mean that did no harm needs no remedy.
"""

from tiger.analysis.doctor import remedies, symptoms
from tiger.analysis.doctor.diagnosis import Diagnosis
from tiger.analysis.doctor.signs import Settings, Signs
from tiger.analysis.doctor.symptoms import BETA_USUAL, RATE_DEFAULT, RATE_USUAL, SPREAD_PER_RATE
from tiger.core.words import counted


def untrained(signs: Signs, settings: Settings) -> Diagnosis | None:
    """Weights that cannot have moved, or a decoder that gives back nothing."""
    evidence = []
    if signs.n_steps is not None and signs.n_steps < symptoms.STEPS_ENOUGH:
        evidence.append(f"The run did {counted(signs.n_steps, 'training step')}; the threshold is {symptoms.STEPS_ENOUGH}.")
    if signs.budget is not None and signs.budget < symptoms.BUDGET_ENOUGH:
        evidence.append(f"The learning rates of all steps add up to {signs.budget:.2g}. With Adam no weight moves much further "
                        f"than that, and below {symptoms.BUDGET_ENOUGH} weights stay close to their random initialisation.")
    if not evidence:
        return None
    return _untrained(signs, settings, evidence)


def learned_nothing(signs: Signs, settings: Settings) -> Diagnosis | None:
    """A trained quantizer whose codes carry no information, though nothing else explains it."""
    found = [symptoms.chance_sentence(signs), symptoms.lost_sentence(signs, settings)] if settings.trained else []
    evidence = [sentence for sentence in found if sentence]
    return _untrained(signs, settings, evidence) if evidence else None


def _untrained(signs: Signs, settings: Settings, evidence: list[str]) -> Diagnosis:
    return Diagnosis("untrained", "critical", [*evidence, symptoms.perplexities(signs) + "."],
                     "The codes are still close to random. Their usage may look fine, but similar items get unrelated codes.",
                     [remedies.USUAL_RATE, remedies.longer(max(600, 2 * (settings.n_steps or 0)))], signs)


def over_strong_commitment(signs: Signs, settings: Settings) -> Diagnosis | None:
    """A commitment term that keeps the encoder from telling items apart."""
    lost = signs.explained is not None and signs.explained < symptoms.EXPLAINED_WELL
    if signs.beta is None or signs.beta <= BETA_USUAL or not (lost or symptoms.starved_levels(signs)):
        return None
    evidence = [f"beta is {signs.beta:g}; the paper uses 0.25, and above {BETA_USUAL:g} commitment outweighs reconstruction.",
                symptoms.perplexities(signs) + "."]
    if signs.explained is not None:
        evidence.append(f"{symptoms.explained_sentence(signs)}; a trained RQ-VAE explains {symptoms.EXPLAINED_WELL:.0%} and "
                        "more.")
    return Diagnosis("over_strong_commitment", "critical", evidence,
                     "The commitment term moves every latent vector to its code. When it outweighs reconstruction, the loss "
                     "is smallest with all latent vectors alike: close to their codes, and without information.",
                     [remedies.LOWER_BETA.and_start(settings)], signs)


def high_learning_rate(signs: Signs, settings: Settings) -> Diagnosis | None:
    """Steps so long that weights and codes jump over what they should approach."""
    rate, limit = settings.learning_rate, _rate_limit(signs)
    if rate is None or rate <= limit or limit < RATE_DEFAULT or not symptoms.fail(signs, settings):
        return None
    evidence = [f"The learning rate is {rate:g}; {_rate_words(signs, limit)}.", symptoms.perplexities(signs) + "."]
    if signs.explained is not None:
        evidence.append(symptoms.explained_sentence(signs) + ".")
    return Diagnosis("high_learning_rate", "critical", evidence,
                     "With Adam every weight and every code moves by about the learning rate in each step. Where that is "
                     "large beside the distances between items, codes lose their items and hidden units stop responding.",
                     [remedies.LOWER_RATE.and_start(settings)], signs)


def _rate_limit(signs: Signs) -> float:
    """The highest learning rate that suits the vectors, as the quantizer reads them."""
    return RATE_USUAL if signs.read is None else min(RATE_USUAL, signs.read.spread / SPREAD_PER_RATE)


def _rate_words(signs: Signs, limit: float) -> str:
    if limit == RATE_USUAL or signs.read is None:
        return f"the threshold is {RATE_USUAL:g}"
    return (f"for vectors with a spread of {signs.read.spread:.3g} the threshold is {limit:.2g}, the spread divided by "
            f"{SPREAD_PER_RATE}")


def no_gradient(signs: Signs, settings: Settings) -> Diagnosis | None:
    """A codebook that lets no gradient through to the encoder."""
    lost = signs.explained is not None and signs.explained < symptoms.EXPLAINED_WELL
    if settings.estimator != "none" or not (lost or symptoms.fail(signs, settings)):
        return None
    evidence = ["The estimator is \"none\": no gradient of the reconstruction loss reaches the encoder.",
                symptoms.perplexities(signs) + "."]
    if signs.explained is not None:
        evidence.append(f"{symptoms.explained_sentence(signs)}; a trained RQ-VAE explains {symptoms.EXPLAINED_WELL:.0%} and "
                        "more.")
    return Diagnosis("no_gradient", "critical", evidence,
                     "Only the commitment loss trains the encoder, and it is smallest with all latent vectors alike. The "
                     "decoder then learns to output the mean item.", [remedies.STRAIGHT_THROUGH.and_start(settings)], signs)


def dominant_mean(signs: Signs, settings: Settings) -> Diagnosis | None:
    """A common offset beside which the differences between items are small."""
    if signs.read is None or signs.read.spread == 0 or signs.read.mean_share <= symptoms.MEAN_SHARE \
            or not symptoms.fail(signs, settings):
        return None
    if settings.centre == "origin":
        offered = [remedies.CENTRE_PLANES]
    elif settings.trained:
        offered = [remedies.CENTRE.and_start(settings), remedies.STANDARDISE.and_start(settings)]
    else:
        return None
    return Diagnosis("dominant_mean", "critical", [*vector_sentences(signs), symptoms.perplexities(signs) + "."],
                     "Nearly all of every vector is the mean that all items share. Training first has to learn that mean, and "
                     "the differences between items, which the codes should carry, hardly count in the loss.", offered, signs)


def small_scale(signs: Signs, settings: Settings) -> Diagnosis | None:
    """Vectors so close together that one step of training crosses all of them."""
    rate = settings.learning_rate
    if signs.read is None or signs.read.spread == 0 or rate is None or not symptoms.fail(signs, settings):
        return None
    limit = _rate_limit(signs)
    if rate <= limit or limit >= RATE_DEFAULT:
        return None
    offered = [remedies.CENTRE, remedies.STANDARDISE]
    if signs.vectors and signs.vectors.unit.mean_share <= symptoms.MEAN_SHARE:
        offered.append(remedies.UNIT_LENGTH)
    if rate > RATE_USUAL:
        offered = [remedies.at_usual_rate(remedy) for remedy in offered]
    evidence = [f"The vectors lie {signs.read.spread:.2g} from their mean (root mean square) and the learning rate is {rate:g}; "
                f"below {SPREAD_PER_RATE} learning rates, here {SPREAD_PER_RATE * rate:.2g}, codes cannot settle.",
                symptoms.perplexities(signs) + "."]
    return Diagnosis("small_scale", "critical", evidence,
                     "With Adam every code moves by about the learning rate in each step, however small the loss is. Where "
                     "all vectors lie within a few steps of each other, codes jump across all items and most lose their items.",
                     [remedy.and_start(settings) for remedy in offered], signs)


def large_scale(signs: Signs, settings: Settings) -> Diagnosis | None:
    """Vectors whose squares leave the range of float32."""
    if signs.read is None or not settings.trained or signs.read.spread < symptoms.LARGE_SPREAD \
            or not symptoms.fail(signs, settings):
        return None
    return Diagnosis("large_scale", "critical", [large_sentence(signs.read.spread), symptoms.perplexities(signs) + "."],
                     "Losses and the squared gradients that Adam averages overflow, so weights move in no sensible way or not "
                     "at all.", [remedies.CENTRE.and_start(settings), remedies.STANDARDISE.and_start(settings)], signs)


def short_way(signs: Signs, settings: Settings) -> Diagnosis | None:
    """Vectors so far apart that all steps together move a code by a small part of the way; comes before a plain storm."""
    if signs.read is None or not settings.trained or not signs.budget or settings.starts_badly \
            or signs.unique >= symptoms.UNIQUE_ENOUGH or signs.read.spread <= symptoms.SPREAD_PER_BUDGET * signs.budget:
        return None
    spread = signs.read.spread
    evidence = [f"The vectors lie {spread:.3g} from their mean (root mean square), and the learning rates of all steps add up to "
                f"{signs.budget:.2g}, the furthest that Adam moves a code; the threshold is {symptoms.SPREAD_PER_BUDGET} times "
                "that.", f"{counted(signs.collisions.unique, 'distinct ID')} for {counted(signs.n_distinct, 'distinct vector')}."]
    offered = [remedies.CENTRE, remedies.faster(float(f"{min(RATE_USUAL, spread / 1000):.1g}"))]
    return Diagnosis("large_scale", "serious", evidence,
                     "Codes stay close to where they started, so they fit the encoder's first latent vectors and not what it "
                     "learns, and many items share an ID.", offered, signs)


def large_sentence(spread: float) -> str:
    """What is wrong with so large a spread."""
    return (f"The vectors lie {spread:.2g} from their mean (root mean square); above {symptoms.LARGE_SPREAD:.0e} squares of "
            "losses and gradients overflow float32.")


def dominant_column(signs: Signs, settings: Settings) -> Diagnosis | None:
    """One column that decides every code, whether the codes look fine or not."""
    if signs.read is None or not settings.names or signs.vectors is None or signs.vectors.width < 8 \
            or signs.read.widest <= symptoms.WIDEST_COLUMN:
        return None
    return Diagnosis("dominant_column", "serious" if symptoms.fail(signs, settings) else "mild",
                     [column_sentence(signs.read.widest), f"Effective rank {signs.vectors.effective_rank:.1f} of "
                      f"{counted(signs.vectors.width, 'dimension')}.", symptoms.perplexities(signs) + "."],
                     "Distances are decided by a single number of every vector, so the codes sort the items by that number and "
                     "carry nothing else of their content.", [remedies.STANDARDISE.and_start(settings)], signs)


def column_sentence(widest: float) -> str:
    """How much one column holds."""
    return f"One column holds {widest:.1%} of the variance; the threshold is {symptoms.WIDEST_COLUMN:.0%}."


def vector_sentences(signs: Signs) -> list[str]:
    """What the mean holds, for a diagnosis."""
    assert signs.read is not None
    return [mean_sentence(signs.read.mean_share, signs.read.spread)]


def mean_sentence(mean_share: float, spread: float) -> str:
    """How large the mean is beside the differences."""
    length = spread * (mean_share / (1 - mean_share)) ** 0.5 if mean_share < 1 else float("inf")
    return (f"The mean of all vectors has length {length:.3g}, and the vectors lie {spread:.3g} from it (root mean square): the "
            f"mean holds {mean_share:.1%} of the squared length; the threshold is {symptoms.MEAN_SHARE:.0%}.")
