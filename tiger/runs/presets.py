"""Recipes for the pages and the command line: quantizers that work or break on purpose, and recommenders.

Each says in one line what to look for.
"""

from dataclasses import dataclass
from typing import Any

from tiger.runs.records import LearnerConfig


@dataclass(frozen=True)
class Preset:
    """A named recipe.

    Args:
        key: short name for links and the command line.
        title: name for people.
        look_for: one line on what to watch.
        breaks: whether it breaks on purpose.
        quantizer: name and those hyper-parameters that differ from the defaults.
    """

    key: str
    title: str
    look_for: str
    breaks: bool
    quantizer: LearnerConfig


def _rqvae(**params: Any) -> LearnerConfig:
    return LearnerConfig("rqvae", params)


PRESETS = [
    Preset("healthy", "Healthy: k-means start and restarts",
           "Perplexity climbs back after the first steps, and dead codes fall to almost none on every level.", False, _rqvae()),
    Preset("ema", "Codebooks as running means (EMA)",
           "Each code follows the mean of its items: the deeper levels end up more evenly used than by gradient.", False,
           _rqvae(ema=True)),
    Preset("rotation", "Rotation trick",
           "The gradient is turned instead of copied; compare the loss with the healthy run's.", False,
           _rqvae(estimator="rotation")),
    Preset("simvq", "SimVQ: one matrix moves every code",
           "Even codes that nobody uses move along, so few of them die.", False, _rqvae(simvq=True)),
    Preset("sinkhorn", "Sinkhorn: every batch spread evenly",
           "Perplexity stays near 256, since each batch must use all codes; with plain nearest codes it is less afterwards.",
           False, _rqvae(sinkhorn=True)),
    Preset("spread", "KoLeo: nearly equal items told apart",
           "Every latent is pushed off its nearest neighbour: more different IDs, for a little more reconstruction loss.",
           False, _rqvae(koleo=1.0)),
    Preset("rkmeans", "Residual k-means, no network",
           "Done in one step a level; the baseline that a network must beat.", False,
           LearnerConfig("rkmeans")),
    Preset("balanced_rkmeans", "Balanced residual k-means",
           "Perplexity is close to the number of codes at every level; compare the loss with plain residual k-means.",
           False, LearnerConfig("balanced_rkmeans")),
    Preset("fsq", "FSQ: rounding instead of a codebook",
           "No codebook, so no remedies: all values of a level fill up by themselves as the loss falls.", False,
           LearnerConfig("fsq")),
    Preset("opq", "OPQ: rotate, cut, cluster each part",
           "The rotation lowers the loss round by round; the codes have no order, so see Tree for what a prefix means here.",
           False, LearnerConfig("opq")),
    Preset("lsh", "Random hyperplanes (LSH)",
           "Nothing is learned, and yet the codes are in use; but similar items share far fewer of them (see Doctor and Tree).",
           False, LearnerConfig("lsh")),
    Preset("total-collapse", "Total collapse: noise start, no remedy",
           "Perplexity is 1 from the first steps on: every item gets the same codes, and no code ever comes back.", True,
           _rqvae(kmeans_init=False, restart_threshold=0.0, n_steps=300)),
    Preset("tiny-codebook", "Collision storm: eight codes a level",
           "All codes are in use, and still most items share all their codes: there are too few combinations.", True,
           _rqvae(n_codes=8)),
    Preset("commitment-storm", "Over-strong commitment: beta 25",
           "The commitment loss wins: latents shrink onto few codes and the reconstruction stops getting better.",
           True, _rqvae(beta=25.0, kmeans_init=False, restart_threshold=0.0)),
    Preset("untrained", "Untrained: five steps",
           "The loss has hardly moved, and similar items get codes that have nothing in common.", True,
           _rqvae(n_steps=5, kmeans_init=False)),
    Preset("frozen-estimator", "No gradient through the codebook",
           "The encoder hears of the commitment loss only: reconstruction stays worse than in the healthy run.", True,
           _rqvae(estimator="none")),
]


def quantizer_presets() -> list[Preset]:
    """The presets above, and one with the defaults for every registered quantizer that has none."""
    from tiger.quantizers import REGISTRY  # here, so that listing runs does not load torch
    named = {preset.quantizer.name for preset in PRESETS}
    plain = [Preset(name, cls.title, cls.summary, False, LearnerConfig(name))
             for name, cls in REGISTRY.items() if name not in named]
    works = [preset for preset in PRESETS if not preset.breaks]
    return [*works, *plain, *(preset for preset in PRESETS if preset.breaks)]


def find(key: str) -> Preset:
    """The preset with this key. Raises ValueError: there is none; lists those that exist."""
    known = {preset.key: preset for preset in quantizer_presets()}
    if key not in known:
        raise ValueError(f"'{key}' is no preset; known are {', '.join(known)}.")
    return known[key]


@dataclass(frozen=True)
class ModelPreset:
    """A named recipe for a recommender.

    Args:
        key: short name for links and the command line.
        title: name for people.
        look_for: one line on what to watch.
        model: name and those hyper-parameters that differ from the defaults.
    """

    key: str
    title: str
    look_for: str
    model: LearnerConfig


def _model(name: str, **params: Any) -> LearnerConfig:
    return LearnerConfig(name, params)


MODELS = [
    ModelPreset("rq-small", "RQ-Transformer, small",
                "The one that comes with the lab: about a minute on the bundled shop.",
                _model("rq_transformer", width=64, n_epochs=15, dropout=0.2, learning_rate=3e-3, batch_size=64)),
    ModelPreset("rq", "RQ-Transformer", "One position an item, so a whole epoch of Amazon Beauty takes seconds.",
                _model("rq_transformer")),
    ModelPreset("tiger-class", "The paper's encoder-decoder, for a class",
                "One layer each way: a few minutes, and every part of the paper is there.",
                _model("encoder_decoder", width=64, n_layers=1, n_heads=2, head=32, ff=128, n_epochs=10)),
    ModelPreset("tiger-small", "The paper's encoder-decoder, small", "Two layers each way: a coffee break.",
                _model("encoder_decoder", n_layers=2, n_heads=4, head=32, ff=256, n_epochs=10)),
    ModelPreset("tiger-paper", "The paper's encoder-decoder", "The paper's sizes; hours without a graphics processor.",
                _model("encoder_decoder")),
    ModelPreset("sasrec", "SASRec: user vector and nearest neighbours",
                "What generative retrieval replaces, trained with the full softmax.", _model("sasrec")),
    ModelPreset("vector-regression", "Generate the embedding itself",
                "Works badly: the mean of two likely items lies where no item is.", _model("vector_regression")),
    ModelPreset("cascade", "Cascade: neighbours, then pairs", "What large shops run: a cheap first stage, a dear second.",
                _model("cascade", n_epochs=10)),
    ModelPreset("pair-ranker", "Pair ranker over everything",
                "Scores every item with a transformer: watch the milliseconds a user.", _model("pair_ranker", n_epochs=10)),
    ModelPreset("popularity", "Popularity", "Done at once: the floor that everything must beat.", _model("popularity")),
]


def find_model(key: str) -> ModelPreset:
    """The recommender's recipe with this key. Raises ValueError: there is none; lists those that exist."""
    for preset in MODELS:
        if preset.key == key:
            return preset
    raise ValueError(f"'{key}' is no recipe for a recommender; known are {', '.join(p.key for p in MODELS)}.")
