"""Train: choose a preset or any registered quantizer, and start it. What happens then is in ``watch``."""

import streamlit as st

from tiger import quantizers, runs
from tiger.runs import presets
from tiger.runs.records import LearnerConfig, RunConfig
from tiger.ui.shared import live, run_control, state

PRESET = "train_preset"


def new_run(shown: runs.Run | None) -> None:
    """The presets, the folded form, the equal command, and the button that starts the run.

    Args:
        shown: the run on this page; while it is active the presets are folded away.
    """
    busy = shown is not None and live.interval(live.states(shown)) is not None
    with st.expander("Start a new run", expanded=not busy, icon=":material/play_circle:", key=f"new_run:{busy}"):
        config = configure(pick_preset())
        if config is not None:
            run_control.start(config, "Start training", "start", state.choose_run)


def pick_preset() -> presets.Preset:
    """Presets that work and presets that fail on purpose, each with one line on what to look for."""
    known = {preset.key: preset for preset in presets.quantizer_presets()}
    chosen = st.session_state.setdefault(PRESET, next(iter(known)))
    for column, breaks, words in zip(st.columns(2), (False, True), ("Presets that work", "Presets that fail on purpose"),
                                     strict=True):
        members = [preset for preset in known.values() if preset.breaks == breaks]
        keys = [preset.key for preset in members]
        with column:
            st.session_state[f"presets:{breaks}"] = chosen if chosen in keys else None
            st.radio(words, keys, index=None, key=f"presets:{breaks}",
                     format_func=lambda key: known[key].title, captions=[preset.look_for for preset in members],
                     on_change=_choose, args=(f"presets:{breaks}",))
    return known[chosen]


def _choose(widget: str) -> None:
    if st.session_state[widget] is not None:
        st.session_state[PRESET] = st.session_state[widget]


def configure(preset: presets.Preset) -> RunConfig | None:
    """The preset's hyper-parameters as a folded form; the run's configuration, None where a value is refused."""
    name = preset.quantizer.name
    values, changed = run_control.hyper_parameters(quantizers.REGISTRY[name], f"preset:{preset.key}",
                                                   dict(preset.quantizer.params))
    if values is None:
        return None
    return RunConfig("quantizer", state.dataset_ref(), f"{preset.title} (changed)" if changed else preset.title,
                     preset=preset.key, quantizer=LearnerConfig(name, values))
