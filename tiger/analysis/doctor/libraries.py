"""Remedies in the words of other libraries: what to change there for a remedy that is said as hyper-parameters of this lab."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from tiger.analysis.doctor.diagnosis import Remedy
from tiger.core.params import Values

Word: TypeAlias = str | Callable[[Any], str]
"""How a value is set there: text in which ``{}`` is the value, or a function of it; "" where there is no way."""


@dataclass(frozen=True)
class Library:
    """One library, or code of one's own.

    Args:
        key: what a recording calls it.
        title: for people.
        words: hyper-parameter of this lab to how it is set there.
        names: its setting to the hyper-parameter of this lab that means the same.
        fixed: hyper-parameters that it has no choice of.
    """

    key: str
    title: str
    words: Mapping[str, Word]
    names: Mapping[str, str] = field(default_factory=dict)
    fixed: Values = field(default_factory=dict)

    def params(self, settings: Values) -> Values:
        """The hyper-parameters of this lab that a recording's settings tell; None for those that can be set but are not told."""
        unknown: Values = dict.fromkeys(self.words)
        told = {ours: settings[theirs] for theirs, ours in self.names.items() if theirs in settings}
        return unknown | dict(self.fixed) | told

    def prescribe(self, remedies: Sequence[Remedy], settings: Values) -> list[Remedy]:
        """Those of the remedies that can be said here, each with how; what is set so already is left out."""
        params, found = self.params(settings), list[Remedy]()
        for remedy in remedies:
            changes = {name: value for name, value in remedy.changes.items() if not _is_so(name, value, params)}
            how = [self._how(name, value) for name, value in changes.items()]
            if how and all(how) and all(other.how != ", ".join(how) for other in found):
                found.append(replace(remedy, how=", ".join(how)))
        return found

    def _how(self, name: str, value: Any) -> str:
        word = self.words.get(name, "")
        return word(value) if callable(word) else word.format(value)


def _is_so(name: str, value: Any, params: Values) -> bool:
    """Whether a setting already has what a remedy wants; any positive threshold restarts dead codes."""
    now = params.get(name)
    if name == "restart_threshold":
        return isinstance(now, int | float) and now > 0
    return now == value or (value is False and now is None)


def _only_on(text: str) -> Callable[[Any], str]:
    """A setting that is said for True only."""
    return lambda value: text if value else ""


NORMALISE = {"centre": "x = (x - x.mean(0)) / (x - x.mean(0)).norm(dim=1).square().mean().sqrt() before the encoder",
             "standardise": "x = (x - x.mean(0)) / x.std(0).clamp_min(1e-8) before the encoder",
             "l2": "x = torch.nn.functional.normalize(x, dim=1) before the encoder"}
LOOP: dict[str, Any] = {
    "learning_rate": "lr={} in the optimiser", "n_steps": "train for {} steps", "batch_size": "batch_size={} in the DataLoader",
    "normalise": lambda value: NORMALISE.get(value, ""),
    "koleo": "loss = loss - {} * log(distance of each latent to its nearest neighbour in the batch).mean()"}
"""What is set in the loop and not in the quantizer, whatever the library."""
OWN = Library("", "your code", LOOP | {
    "kmeans_init": _only_on("start each codebook as the k-means centres of a large batch of its residuals"),
    "restart_threshold": "every few hundred steps, set each code that got no item since to a random residual of the batch",
    "ema": _only_on("update each code as the running mean of the residuals assigned to it, without a gradient"),
    "ema_decay": "decay of the running means = {}", "sinkhorn": lambda on: "assign each training batch by Sinkhorn's algorithm "
    "(5 iterations), and by the nearest code afterwards" if on else "assign each item to its nearest code",
    "simvq": lambda on: "codebook = frozen_normal @ W, and train the matrix W only" if on else "",
    "beta": "weight of the commitment loss = {}", "estimator": "quantised = latent + (quantised - latent).detach()",
    "n_codes": "{} codes per level", "n_levels": "{} levels", "latent_width": "latent width {}"},
    {name: name for name in ("learning_rate", "n_steps", "batch_size", "normalise", "kmeans_init", "restart_threshold", "ema",
                             "ema_decay", "sinkhorn", "simvq", "beta", "estimator", "latent_width")})
_VQ_NAMES = {"lr": "learning_rate", "learning_rate": "learning_rate", "batch_size": "batch_size", "n_steps": "n_steps",
             "kmeans_init": "kmeans_init", "threshold_ema_dead_code": "restart_threshold", "ema_update": "ema",
             "decay": "ema_decay", "commitment_weight": "beta", "simvq": "simvq", "codebook_dim": "latent_width"}
VECTOR_QUANTIZE = Library("vector-quantize-pytorch", "vector-quantize-pytorch", LOOP | {
    "kmeans_init": _only_on("kmeans_init=True"), "restart_threshold": "threshold_ema_dead_code=2",
    "ema": _only_on("ema_update=True, learnable_codebook=False"), "ema_decay": "decay={}",
    "simvq": lambda on: "ResidualSimVQ (SimVQ for one level) in place of ResidualVQ" if on else "",
    "beta": "commitment_weight={}", "n_codes": "codebook_size={}", "n_levels": "num_quantizers={}",
    "latent_width": "codebook_dim={}"}, _VQ_NAMES)
SIM_VQ = Library("vector-quantize-pytorch: SimVQ", "vector-quantize-pytorch", LOOP | {
    "beta": "commitment_weight={}", "n_codes": "codebook_size={}", "n_levels": "num_quantizers={}", "latent_width": "dim={}"},
    _VQ_NAMES, {"simvq": True})
FSQ = Library("vector-quantize-pytorch: FSQ", "vector-quantize-pytorch", LOOP | {
    "n_codes": lambda size: f"levels whose product is about {size}, such as [8, 6, 5] for 240", "n_levels": "num_quantizers={}"},
    _VQ_NAMES)
LFQ = Library("vector-quantize-pytorch: LFQ", "vector-quantize-pytorch", LOOP | {
    "sinkhorn": _only_on("entropy_loss_weight=0.1, diversity_gamma=2.5"), "beta": "commitment_loss_weight={}",
    "n_codes": "codebook_size={}"}, _VQ_NAMES | {"commitment_loss_weight": "beta"})
RQVAE_RECOMMENDER = Library("rqvae-recommender", "RQ-VAE-Recommender", LOOP | {
    "learning_rate": "train.learning_rate={}", "n_steps": "train.iterations={}", "batch_size": "train.batch_size={}",
    "kmeans_init": _only_on("train.vae_codebook_kmeans_init=True"), "simvq": _only_on("train.vae_sim_vq=True"),
    "beta": "train.commitment_weight={}", "estimator": "train.vae_codebook_mode=%modules.quantize.QuantizeForwardMode.STE",
    "n_codes": "train.vae_codebook_size={}", "n_levels": "train.vae_n_layers={}", "latent_width": "train.vae_embed_dim={}"},
    {"learning_rate": "learning_rate", "iterations": "n_steps", "batch_size": "batch_size", "vae_sim_vq": "simvq",
     "vae_codebook_kmeans_init": "kmeans_init", "commitment_weight": "beta", "vae_embed_dim": "latent_width"})
LIBRARIES = {one.key: one for one in (OWN, VECTOR_QUANTIZE, SIM_VQ, FSQ, LFQ, RQVAE_RECOMMENDER)}


def find(key: str) -> Library:
    """The library that a recording names; code of one's own where it is not known."""
    return LIBRARIES.get(key, OWN)
