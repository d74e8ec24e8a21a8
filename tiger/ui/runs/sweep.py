"""Sweeps: the form that starts one, and what became of the chosen one."""

from collections.abc import Sequence

import streamlit as st

from tiger import models, quantizers, runs
from tiger.core import params
from tiger.plots import runs as run_plots
from tiger.reports import sweeps
from tiger.reports.runs_rows import Row, param_title
from tiger.reports.sweeps import SweepResult
from tiger.runs import sweep
from tiger.runs.records import LearnerConfig, RunConfig, SweepRequest
from tiger.ui.runs import view
from tiger.ui.shared import exports, forms, layout, live, run_control, state

SAMPLERS = {"grid": "All settings (grid)", "random": "Some settings, at random", "optuna": "Optuna: each after what is known"}


def form() -> None:
    """What to vary, with which seeds and budget, the equal command, and the button that starts the sweep."""
    with st.expander("Start a sweep: many settings and seeds in one go", icon=":material/grid_on:", key="sweep_form"):
        known = {**quantizers.REGISTRY, **models.REGISTRY}
        left, right = st.columns(2)
        name = left.selectbox("What trains", list(known), key="sweep:learner", format_func=lambda key: known[key].title)
        specs = [spec for spec in params.specs(known[name]) if spec.name != "seed"]
        varied = right.multiselect("Hyper-parameters to vary", [spec.name for spec in specs], key=f"sweep:vary:{name}",
                                   format_func=forms.words, max_selections=6)
        texts = _values(name, varied, {spec.name: spec for spec in specs})
        kind = sweep.kind_of(name)
        places = st.columns(5, vertical_alignment="bottom")
        seeds = places[0].text_input("Seeds", "0, 1, 2", key="sweep:seeds", help="Every setting is trained with each of them.")
        sampler = places[1].selectbox("Settings", _samplers(), key="sweep:sampler", format_func=SAMPLERS.__getitem__)
        objective = places[2].selectbox("Judged by", sweep.objectives(kind), key=f"sweep:objective:{kind}",
                                        format_func=sweep.OBJECTIVES.__getitem__)
        max_runs = places[3].number_input("At most runs", 1, sweep.MAX_RUNS, None, key="sweep:max_runs", placeholder="no limit")
        minutes = places[4].number_input("At most minutes", 0.5, 10_000.0, None, key="sweep:minutes", placeholder="no limit")
        with layout.guard("The form"):
            values, _ = run_control.hyper_parameters(known[name], f"sweep:{name}", {})
            ids = _ids(name)
            if values is None or not varied or ids is None:
                st.caption("Choose at least one hyper-parameter and the values to try.")
                return
            grid = {one: sweep.read_values(name, one, text) for one, text in texts.items()}
            request = SweepRequest(grid, sweep.read_seeds(seeds), sampler, max_runs, minutes, objective)
            part = LearnerConfig(name, values)
            request = sweep.checked(request, part)
            base = RunConfig(kind, state.dataset_ref(), quantizer=part if kind == "quantizer" else None,
                             model=part if kind == "model" else None, ids_run=ids or None)
            st.caption(f"{sweep.n_runs(request)} runs. They share this server's cores, one run a core.")
            run_control.start(sweep.request(base, request), "Start sweep", "start_sweep", lambda run_id: view.choose([run_id]),
                              named=True)


def _values(name: str, varied: Sequence[str], specs: dict[str, params.Spec]) -> dict[str, str]:
    """A text field for the values of each varied hyper-parameter."""
    found = {}
    for place, one in zip(st.columns(max(1, len(varied))), varied, strict=False):
        spec = specs[one]
        choices = ["on", "off"] if spec.kind is bool else spec.choices or [params.text(spec.default)]
        start = ", ".join(map(str, choices))
        found[one] = place.text_input(f"{forms.words(one)}: values", start, key=f"sweep:values:{name}:{one}",
                                      help=f"{spec.help} With commas between them.")
    return found


def _samplers() -> list[str]:
    try:
        sweep.load_optuna()
    except ValueError:
        return ["grid", "random"]
    return list(SAMPLERS)


def _ids(name: str) -> str | None:
    """The run whose IDs a recommender writes: "" where it writes none, None where there is none yet."""
    if name not in models.REGISTRY or not models.REGISTRY[name].generative:
        return ""
    run = state.current_run()
    return run.id if run is not None and run.has_result() else None


def show(rows: Sequence[Row]) -> None:
    """Progress and result of a sweep, where one is the chosen run."""
    if len(rows) != 1 or rows[0].entry.config.sweep is None:
        return
    run = rows[0].entry.run
    seen = live.states(run)
    st.fragment(_watch, run_every=live.interval(seen))(run, seen)


def _watch(run: runs.Run, seen: tuple[str, ...]) -> None:
    status = run_control.head(run, seen)
    with layout.guard("The sweep"):
        found = sweeps.result(run)
        st.caption(layout.plain(found.state))
        if not status.active:
            run_control.how_it_ended(run, status)
        if len(found.settings):
            _result(run, found)


def _result(run: runs.Run, found: SweepResult) -> None:
    """The sentence, the figure and the tables."""
    st.markdown(f"**{layout.plain(found.summary)}**")
    names = [param_title(name) for name in found.swept]
    shown = found.by_first.dropna(subset=["mean"])
    alt = f"{found.objective} by {' and '.join(names[:2])}. {found.summary}"
    if len(shown):
        two = len(names) > 1 and shown["other"].nunique() > 1
        figure = run_plots.sweep_heat(shown, names[0], names[1], found.objective, alt) if two else \
            run_plots.sweep_curve(shown, names[0], found.objective, alt)
        exports.chart(figure, f"sweep:{run.id}", "sweep", shown)
        if len(names) > 2:
            st.caption(f"Averaged over {', '.join(names[2:])} and the seeds.")
    st.dataframe(found.settings, hide_index=True, key="sweep:settings",
                 column_config={"low": "95 % from", "high": "95 % to"}, height=min(38 + 35 * len(found.settings), 320))
    with st.container(horizontal=True, vertical_alignment="center"):
        exports.csv_button(found.runs, "sweep-runs", "All runs as CSV")
        st.button("Compare its runs", icon=":material/compare_arrows:", key="sweep:compare", type="tertiary",
                  on_click=view.choose, args=(found.runs["Run"].tolist(),))
