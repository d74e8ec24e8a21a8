"""Presets for the pages and the command line: quantizers that work or fail on purpose, and recommenders.

Each says in one line what to look for.
"""

from dataclasses import dataclass, replace
from typing import Any

from tiger.datasets.reference import Values
from tiger.runs.records import LearnerConfig, ScheduledChange


@dataclass(frozen=True)
class Preset:
    """A named set of hyper-parameters.

    Args:
        key: short name for links and the command line.
        title: name for people.
        look_for: one line on what to watch.
        breaks: whether it fails on purpose.
        quantizer: name and those hyper-parameters that differ from the defaults.
        schedule: live hyper-parameters that change while it trains.
    """

    key: str
    title: str
    look_for: str
    breaks: bool
    quantizer: LearnerConfig
    schedule: tuple[ScheduledChange, ...] = ()


SMALL_CATALOGUE = 5000  # items; 256 codes a level give each code fewer than twenty
SMALL: Values = {"n_levels": 5, "n_codes": 16, "hidden": "128", "n_steps": 300, "batch_size": 512, "koleo": 0.1, "log_every": 5}
"""For an RQ-VAE on a small catalogue: 16 branches that can be read, and 96 % distinct IDs on the bundled shop in 3 s."""


def _rqvae(**params: Any) -> LearnerConfig:
    return LearnerConfig("rqvae", params)


PRESETS = [
    Preset("healthy", "Healthy: k-means init + dead-code restart",
           "Perplexity rises again after the first steps, and dead codes fall to almost none at every level.", False, _rqvae()),
    Preset("ema", "EMA codebooks",
           "Each code is a moving average of its items: later levels are used more evenly than with gradient updates.", False,
           _rqvae(ema=True)),
    Preset("rotation", "Rotation trick",
           "The gradient is rotated and scaled instead of copied; compare the loss with the healthy run's.", False,
           _rqvae(estimator="rotation")),
    Preset("simvq", "SimVQ: one linear map for all codes",
           "Unused codes are updated, too, so few of them die.", False, _rqvae(simvq=True)),
    Preset("sinkhorn", "Sinkhorn: balanced batches",
           "Perplexity stays near its maximum in training, since each batch must use all codes; nearest-code assignment "
           "lowers it.",
           False, _rqvae(sinkhorn=True)),
    Preset("spread", "KoLeo regulariser",
           "Each latent is pushed away from its nearest neighbour: more distinct IDs for a slightly higher reconstruction loss.",
           False, _rqvae(koleo=1.0)),
    Preset("rkmeans", "Residual k-means, no network",
           "One step a level; the baseline for every trained encoder.", False,
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
           "Nothing is learned. Codes are in use, but similar items share far fewer of them (see Doctor and Tree).",
           False, LearnerConfig("lsh")),
    Preset("watch-collapse", "Watch it collapse",
           "Healthy for 150 steps; then the learning rate rises thirtyfold and restarts stop: perplexity falls to 1.", True,
           _rqvae(), (ScheduledChange(150, {"learning_rate": 0.03, "restart_threshold": 0.0}),)),
    Preset("tiny-codebook", "Too few codes: eight a level",
           "All codes are in use, but most items share their whole ID: there are too few combinations.", True,
           _rqvae(n_levels=3, n_codes=8)),
    Preset("total-collapse", "Total collapse: random init, no restart",
           "Perplexity is 1 from the first steps on: every item gets the same codes, and no dead code is restarted.", True,
           _rqvae(kmeans_init=False, restart_threshold=0.0, n_steps=300)),
    Preset("commitment-storm", "Commitment loss too strong: beta 25",
           "The commitment loss dominates: latents collapse onto few codes and the reconstruction loss stops falling.",
           True, _rqvae(beta=25.0, kmeans_init=False, restart_threshold=0.0)),
    Preset("untrained", "Untrained: five steps",
           "The loss has hardly changed, and similar items share no codes.", True,
           _rqvae(n_steps=5, kmeans_init=False)),
    Preset("frozen-estimator", "No gradient through the quantizer",
           "The encoder gets gradients from the commitment loss only: reconstruction stays worse than in the healthy run.", True,
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


def fitted(preset: Preset, n_items: int) -> Preset:
    """The preset in a size that fits a catalogue: up to ``SMALL_CATALOGUE`` items, few codes and a small network.

    What the preset itself sets stays.
    """
    name, given = preset.quantizer.name, preset.quantizer.params
    if n_items > SMALL_CATALOGUE or name not in ("rqvae", "rkmeans", "balanced_rkmeans", "lsh", "random_codes"):
        return preset
    size = SMALL if name == "rqvae" else {key: SMALL[key] for key in ("n_levels", "n_codes")}
    return replace(preset, quantizer=LearnerConfig(name, {**size, **given}))


def schedule_of(key: str) -> tuple[ScheduledChange, ...]:
    """What changes while the preset of this name trains; nothing for most."""
    return next((preset.schedule for preset in PRESETS if preset.key == key), ())


@dataclass(frozen=True)
class ModelPreset:
    """A named set of a recommender's hyper-parameters.

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


SPLIT = {"split_histories": True, "norm": "post", "batch_size": 256, "learning_rate": 1e-3}
"""Every beginning of a history an example of its own (docs/EXPERIMENTS.md)."""

PUBLISHED = {"n_user_tokens": 2000, "n_epochs": 10_000, "max_steps": 200_000, "optimizer": "adafactor", "learning_rate": 0.01,
             "lr_schedule": "inverse_sqrt", "warmup": 0.05, "weight_decay": 0.0}
"""How Rajput et al. 2023, section 4.1, train; the optimiser, which they do not name, is that of Raffel et al. 2020, section
3.1.2, whose learning rate and schedule they use: 0.01 for 10,000 steps, then falling with the square root of the step."""

MODELS = [
    ModelPreset("rq-small", "RQ-Transformer, small",
                "The bundled recommender: about a minute on the bundled shop.",
                _model("rq_transformer", width=64, n_epochs=15, dropout=0.2, learning_rate=3e-3, batch_size=64)),
    ModelPreset("rq-long", "RQ-Transformer, small, for long histories",
                "For data such as MovieLens, where a user has dozens of items: it reads 50, and takes about two minutes there.",
                _model("rq_transformer", width=64, n_epochs=20, dropout=0.2, learning_rate=3e-3, batch_size=32,
                       history_length=50)),
    ModelPreset("rq", "RQ-Transformer", "One position an item, so an epoch of Amazon Beauty takes seconds.",
                _model("rq_transformer")),
    ModelPreset("rq-split", "RQ-Transformer, histories split",
                "Every beginning of a history is an example: two to three times the training, 8 % more recall on Amazon Beauty.",
                _model("rq_transformer", **SPLIT)),
    ModelPreset("tiger-class", "The paper's encoder-decoder, tiny",
                "One encoder and one decoder layer: all parts of the paper's model in a few minutes.",
                _model("encoder_decoder", width=64, n_layers=1, n_heads=2, head=32, ff=128, n_epochs=10)),
    ModelPreset("tiger-small", "The paper's encoder-decoder, small", "Two encoder and two decoder layers.",
                _model("encoder_decoder", n_layers=2, n_heads=4, head=32, ff=256, n_epochs=10)),
    ModelPreset("tiger-paper", "The paper's encoder-decoder", "The paper's sizes; takes hours without a GPU.",
                _model("encoder_decoder")),
    ModelPreset("tiger-published", "The paper's encoder-decoder, trained as published",
                "User tokens, Adafactor and the paper's 200,000 steps: days without a GPU.",
                _model("encoder_decoder", **PUBLISHED)),
    ModelPreset("sasrec", "SASRec: user vector and nearest items",
                "The dense-retrieval baseline, trained with the full softmax.", _model("sasrec")),
    ModelPreset("sasrec-ids", "SASRec with semantic IDs",
                "Items of a prefix share vectors: compare it with SASRec, and with what the same IDs do for a generative model.",
                _model("sasrec_ids")),
    ModelPreset("sasrec-ids-split", "SASRec with semantic IDs, histories split",
                "The best single recommender of Amazon Beauty here; about twenty minutes on one core.",
                _model("sasrec_ids", n_epochs=24, **SPLIT)),
    ModelPreset("vector-regression", "Regress the embedding",
                "Works badly: the mean of two likely items is near no item.", _model("vector_regression")),
    ModelPreset("cascade", "Cascade: retrieval, then ranking", "A cheap first stage and an expensive second one, as in industry.",
                _model("cascade", n_epochs=10)),
    ModelPreset("pair-ranker", "Pair ranker over all items",
                "Scores every item with a transformer: note the milliseconds a user.", _model("pair_ranker", n_epochs=10)),
    ModelPreset("ensemble", "Ensemble: two trained recommenders",
                "Nothing is trained: the weight is chosen on the validation items; compare it with both members.",
                _model("ensemble")),
    ModelPreset("popularity", "Popularity", "No training: the baseline that every recommender must beat.", _model("popularity")),
]
