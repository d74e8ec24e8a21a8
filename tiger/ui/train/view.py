"""Train: choose a preset or any registered quantizer, and start it. What happens then is in ``watch``."""

import streamlit as st

from tiger import quantizers
from tiger.runs import presets
from tiger.runs.presets import Preset
from tiger.runs.records import LearnerConfig, RunConfig
from tiger.ui.shared import address, layout, run_control, state

PRESET = "train_preset"
MAIN = {"healthy": "Healthy", "watch-collapse": "Watch it collapse", "tiny-codebook": "Too few codes"}  # on the first screen


def new_run() -> None:
    """The presets, the button that starts the run, and, folded away, all other presets, hyper-parameters and the command.

    It looks the same whether a run trains or not, so that nothing below it moves.
    """
    known = {preset.key: preset for preset in presets.quantizer_presets()}
    with st.container(border=True, key="new_run"):
        requested = address.text_of(address.RECIPE)
        if requested in known and st.session_state.get("train_recipe") != (requested, address.text_of(address.PATH)):
            st.session_state[PRESET] = requested
        st.session_state["train_recipe"] = requested, address.text_of(address.PATH)
        chosen = known[st.session_state.setdefault(PRESET, next(iter(MAIN)))]
        _radio("main", "Preset", [known[key] for key in MAIN], chosen, horizontal=True)
        st.caption(f"**{chosen.title}.** {chosen.look_for}")
        with st.container(horizontal=True, vertical_alignment="center"):
            place = st.container(width="content")
            with layout.folded("More recipes", "more_recipes", ":material/menu_book:", popover=True) as drawn:
                if drawn:
                    _more(list(known.values()), chosen)
            with layout.folded("Hyper-parameters and command", "train_form", ":material/tune:", popover=True) as drawn:
                config = configure(presets.fitted(chosen, state.catalogue().n_items), drawn)
                if drawn and config is not None:
                    config = run_control.command(config, "start", named=True)
        with place:
            if config is not None:
                run_control.button(config, "Start training", "start", state.choose_run)


def _radio(name: str, words: str, members: list[Preset], chosen: Preset, *, horizontal: bool = False) -> None:
    """Some of the presets; a vertical list has one line a preset on what to look for."""
    keys, by_key = [preset.key for preset in members], {preset.key: preset for preset in members}
    st.radio(words, keys, index=None, key=f"presets:{name}", horizontal=horizontal,
             label_visibility="collapsed" if horizontal else "visible",
             format_func=lambda key: MAIN[key] if horizontal else by_key[key].title,
             captions=None if horizontal else [preset.look_for for preset in members],
             on_change=state.show(f"presets:{name}", chosen.key if chosen.key in keys else None, _choose))


def _more(known: list[Preset], chosen: Preset) -> None:
    others = [preset for preset in known if preset.key not in MAIN]
    for breaks, words in ((False, "Presets that work"), (True, "Presets that fail on purpose")):
        _radio(str(breaks), words, [preset for preset in others if preset.breaks == breaks], chosen)


def _choose(key: str | None) -> None:
    if key is not None:
        st.session_state[PRESET] = key


def configure(preset: Preset, drawn: bool) -> RunConfig | None:
    """The preset's hyper-parameters, as a form where that is drawn; the run's configuration, None where a value is refused."""
    name, given = preset.quantizer.name, dict(preset.quantizer.params)
    cls = quantizers.REGISTRY[name]
    values, changed = (run_control.hyper_parameters(cls, f"preset:{preset.key}", given) if drawn
                       else (run_control.preset_values(cls, given), False))
    if values is None:
        return None
    return RunConfig("quantizer", state.dataset_ref(), f"{preset.title} (changed)" if changed else preset.title,
                     preset=preset.key, quantizer=LearnerConfig(name, values), schedule=preset.schedule)
