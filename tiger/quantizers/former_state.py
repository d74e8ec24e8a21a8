"""Training states of an RQ-VAE as the lab wrote them until November 2026, when all parameters lay in one flat buffer."""


from torch import Tensor, nn

from tiger.core.learner import TrainingState
from tiger.core.words import counted

ALIGN = 16  # numbers: every tensor of the flat buffer began on a cache line of its own


def current(state: TrainingState, model: nn.Module, n_levels: int) -> TrainingState:
    """The same state as ``Trainer.state`` writes it today; one of today comes back as it is.

    Args:
        model: of the state's hyper-parameters.

    Raises:
        ValueError: the flat buffer has another length than these hyper-parameters need.
    """
    if "values" not in state:
        return state
    learned = {name: value for name, value in model.named_parameters() if value.requires_grad}
    parts: dict[str, slice] = {}
    start = 0
    for whose in ("encoder", "decoder", "bottleneck"):
        for name, value in learned.items():
            if name.startswith(whose):
                parts[name] = slice(start, start + value.numel())
                start += -(-value.numel() // ALIGN) * ALIGN
    if start != len(state["values"]):
        raise ValueError(f"this state was saved for {counted(len(state['values']), 'parameter')}, but this model has {start}; "
                         "use the same data and settings.")
    found: TrainingState = {name: state[name] for name in ("generator", "order", "restarts", "batch_rows", "step",
                                                            "position", "live")}
    shapes = {name: value.shape for name, value in learned.items()}
    found |= {f"model.{name}": state["values"][part].view(shapes[name]).clone() for name, part in parts.items()}
    found |= {f"model.bottleneck.levels.{name}": kept for name, kept in _levels(state, n_levels).items()}
    for level in range(n_levels):
        found[f"count.{level}"], found[f"last_count.{level}"] = state["count"][level], state["last_count"][level]
    if "adam.step" in state:
        for name, part in parts.items():
            found[f"adam.step.{name}"] = state["adam.step"]
            for slot in ("exp_avg", "exp_avg_sq"):
                found[f"adam.{slot}.{name}"] = state[f"adam.{slot}"][part].view(shapes[name])
    return found


def _levels(state: TrainingState, n_levels: int) -> dict[str, Tensor]:
    """What each codebook kept outside the flat buffer; its own values, where EMA moved them, too."""
    names = ("learned", "frozen_KZ", "ema_count_K", "ema_sum_KZ")
    keys = [f"{level}.{name}" for level in range(n_levels) for name in names]
    return {key: state[f"level.{key}"] for key in keys if f"level.{key}" in state}
