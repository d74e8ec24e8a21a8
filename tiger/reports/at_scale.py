"""What pages and commands say of a dataset whose files hold more items than memory: what is a sample, and of what."""

from tiger.runs import Run, data


def learned_summary(run: Run) -> str:
    """What a quantizer learned from, where that is a sample: which, and how often it was passed over; "" otherwise."""
    sample = data.sample_of(run)
    if sample is None or run.config.quantizer is None:
        return ""
    return f"Learned from {sample.summary()}{_passes(run, sample.n_items)}."


def _passes(run: Run, n_items: int) -> str:
    """How often training read each item of the sample."""
    params = run.learner.params
    if "batch_size" in params and "n_steps" in params:
        return f", in {run.status.step * min(params['batch_size'], n_items) / n_items:.3g} passes"
    if "n_iterations" in params:
        return f", in at most {params['n_iterations']} passes a level"
    return ""
