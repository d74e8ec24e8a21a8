"""Train: choose a recipe and start it. What happens then is in ``watch_view``."""

import streamlit as st

from tiger import quantizers, runs
from tiger.core import params
from tiger.runs import presets, supervisor
from tiger.ui.shared import forms, layout, live, run_watch, state

RECIPE = "train_recipe"


def new_run(shown: runs.Run | None) -> None:
    """The recipes, the folded form, the equal command, and the button that starts the run.

    Args:
        shown: the run on this page; while it is active the recipes are folded away.
    """
    busy = shown is not None and live.interval(live.states(shown)) is not None
    with st.expander("Start a new run", expanded=not busy, icon=":material/play_circle:", key=f"new_run:{busy}"):
        preset = pick_preset()
        config = configure(preset)
        run_watch.command(config)
        st.button("Start training", type="primary", icon=":material/play_arrow:", key="start",
                  on_click=start, args=(config,))


def pick_preset() -> presets.Preset:
    """Recipes that work, and recipes that break on purpose; each with one line on what to look for."""
    known = {preset.key: preset for preset in presets.quantizer_presets()}
    chosen = st.session_state.setdefault(RECIPE, next(iter(known)))
    for column, breaks, words in zip(st.columns(2), (False, True), ("Recipes that work", "Broken on purpose"),
                                     strict=True):
        members = [preset for preset in known.values() if preset.breaks == breaks]
        keys = [preset.key for preset in members]
        with column:
            st.session_state[f"recipes:{breaks}"] = chosen if chosen in keys else None
            st.radio(words, keys, index=None, key=f"recipes:{breaks}",
                     format_func=lambda key: known[key].title, captions=[preset.look_for for preset in members],
                     on_change=_choose, args=(f"recipes:{breaks}",))
    return known[chosen]


def _choose(widget: str) -> None:
    if st.session_state[widget] is not None:
        st.session_state[RECIPE] = st.session_state[widget]


def configure(preset: presets.Preset) -> dict:
    """The recipe's hyper-parameters as a folded form; returns the run's configuration."""
    name, given = preset.quantizer.name, dict(preset.quantizer.params)
    values = given
    with st.expander(f"Change the recipe: {quantizers.REGISTRY[name].title}", icon=":material/tune:"):
        st.caption(quantizers.REGISTRY[name].summary)
        with layout.guard("The form"):
            values = forms.fields(params.specs(quantizers.REGISTRY[name]), f"recipe:{preset.key}", given, columns=3)
    changed = any(values.get(key, value) != value for key, value in given.items())
    return {"dataset": state.dataset_ref(), "quantizer": {"name": name, "params": values},
            "title": f"{preset.title} (changed)" if changed else preset.title, "preset": preset.key}


def start(config: dict) -> None:
    """Queue the run and look at it; what forbids it is said at the top of the page."""
    made = layout.attempt(supervisor.current().submit, config)
    if made is not None:
        state.choose_run(made.id)
