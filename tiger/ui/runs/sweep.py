"""Sweeps: the form that starts one, and what became of the chosen one."""

from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go
import streamlit as st

from tiger import models, quantizers, runs
from tiger.core.words import counted
from tiger.datasets.reference import Values
from tiger.plots import runs as run_plots
from tiger.reports import sweeps
from tiger.reports.runs_rows import Row, param_title
from tiger.reports.sweeps import SweepResult
from tiger.runs import presets, sweep, sweep_plan
from tiger.runs.records import LearnerConfig, RunConfig, SweepRequest
from tiger.ui.runs import view
from tiger.ui.shared import exports, forms, layout, live, run_control, state

SAMPLERS = {"grid": "Grid: all settings", "random": "Random settings", "optuna": "Optuna: each by the results before it"}
OPEN = "sweep:open"
MAX_VARIED = 6


def form() -> None:
    """What to vary, with which seeds and budget, the equal command, and the button that starts the sweep."""
    place = st.expander("Start a sweep: many settings and seeds, trained as a group", icon=":material/grid_on:", key=OPEN,
                        on_change="rerun")
    if not place.open:
        return
    with place, layout.guard("The form"):
        trained = {name: learner for name, learner in models.REGISTRY.items() if not learner.member_params}
        known = {**quantizers.REGISTRY, **trained}
        left, right = st.columns([1, 2])
        name = left.selectbox("What trains", list(known), key="sweep:learner", format_func=lambda key: known[key].title)
        varied = right.multiselect("Hyper-parameters to vary", list(sweep_plan.varied_specs(name)), key=f"sweep:vary:{name}",
                                   format_func=forms.words, max_selections=MAX_VARIED, placeholder="choose one or two")
        texts = _values(name, varied)
        budget = _budget(name)
        size = _sized(name)
        fixed, _ = run_control.hyper_parameters(known[name], f"sweep:{name}:{'-'.join(size)}", size)
        ids = _ids(name)
        if not varied:
            st.caption("Choose at least one hyper-parameter and the values to try.")
        elif ids is None:
            st.caption(f"{known[name].title} {models.REGISTRY[name].ids_verb} semantic IDs; train or choose a run that has them "
                       "first.")
        elif fixed is not None:
            _start(LearnerConfig(name, fixed), texts, budget, ids)


def _values(name: str, varied: Sequence[str]) -> dict[str, str]:
    """A text field for the values of each varied hyper-parameter."""
    found, specs = {}, sweep_plan.varied_specs(name)
    for first in range(0, len(varied), 3):
        for place, one in zip(st.columns(3, vertical_alignment="bottom"), varied[first:first + 3], strict=False):
            spec = specs[one]
            choices = [True, False] if spec.kind is bool else list(spec.choices or [spec.default])
            lists = " Where a value is a list, semicolons part the values: 64; 128,64,32." * spec.listed
            found[one] = place.text_input(f"{forms.words(one)}: values", sweep_plan.values_text(choices).replace(",", ", "),
                                          key=f"sweep:values:{name}:{one}",
                                          help=f"{spec.help} With commas between the values.{lists}")
    return found


def _budget(name: str) -> SweepRequest:
    """Seeds, order, objective and limits: a request that has no grid yet."""
    kind = sweep_plan.kind_of(name)
    seeds = "0"
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweep_budget"):
        if sweep_plan.has_seed(name):
            seeds = st.text_input("Seeds", "0, 1, 2", key="sweep:seeds", width=120,
                                  help="Every setting is trained with each of them; 0-4 means all from 0 to 4. Without a second "
                                       "seed, effects cannot be told from chance.")
        sampler = st.selectbox("Settings to try", _samplers(), key="sweep:sampler", format_func=SAMPLERS.__getitem__, width=200)
        objective = st.selectbox("Judged by", sweep_plan.objectives(kind), key=f"sweep:objective:{kind}",
                                 format_func=sweep_plan.OBJECTIVES.__getitem__, width=200)
        n_most = st.number_input("At most runs", 1, sweep_plan.MAX_RUNS, None, key="sweep:max_runs", placeholder="no limit",
                                 width=150)
        minutes = st.number_input("At most minutes", 0.5, 10_000.0, None, key="sweep:minutes", placeholder="no limit", width=150,
                                  help="No further run begins after this time.")
    return SweepRequest({}, sweep_plan.read_seeds(seeds), sampler, n_most, minutes, objective)


def _samplers() -> list[str]:
    try:
        sweep_plan.load_optuna()
    except ValueError:
        return ["grid", "random"]
    return list(SAMPLERS)


def _sized(name: str) -> Values:
    """What the first preset of this learner sets, in a size that fits the dataset."""
    if name in models.REGISTRY:
        return next((dict(preset.model.params) for preset in presets.MODELS if preset.model.name == name), {})
    first = next(preset for preset in presets.quantizer_presets() if preset.quantizer.name == name)
    return dict(presets.fitted(first, state.catalogue().n_items).quantizer.params)


def _ids(name: str) -> str | None:
    """The run whose IDs a recommender writes: "" where it writes none, None where there is none yet."""
    if name not in models.REGISTRY or not models.REGISTRY[name].generative:
        return ""
    run = state.current_run()
    return run.id if run is not None and run.has_result() else None


def _start(fixed: LearnerConfig, texts: dict[str, str], budget: SweepRequest, ids: str) -> None:
    """How many runs that makes, the equal command and the button."""
    grid = {one: sweep_plan.read_values(fixed.name, one, text) for one, text in texts.items()}
    request = sweep_plan.checked(replace(budget, grid=grid), fixed)
    kind = sweep_plan.kind_of(fixed.name)
    base = RunConfig(kind, state.dataset_ref(), quantizer=fixed if kind == "quantizer" else None,
                     model=fixed if kind == "model" else None, ids_run=ids or None)
    n, n_settings, n_seeds = sweep_plan.n_runs(request), sweep_plan.n_settings(request.grid), len(request.seeds)
    cut = ", cut by the budget" * (n < n_settings * n_seeds)
    st.caption(f"{counted(n, 'run')} ({n_settings:,} setting{'s' * (n_settings > 1)} × {n_seeds} "
               f"seed{'s' * (n_seeds > 1)}{cut}), one at a time on each core that a run may use.")
    run_control.start(sweep.run_config_of(base, request), "Start sweep", "start_sweep", _look_at, named=True)


def _look_at(run_id: str) -> None:
    """Fold the form away and choose the new sweep."""
    st.session_state[OPEN] = False
    view.choose([run_id])


def show(rows: Sequence[Row]) -> None:
    """Progress and result of a sweep, where one is the chosen run."""
    if len(rows) != 1 or rows[0].entry.config.kind != "sweep":
        return
    run = rows[0].entry.run
    seen = live.states(run)
    st.fragment(_watch, run_every=live.interval(seen))(run, seen)


def _watch(run: runs.Run, seen: tuple[str, ...]) -> None:
    if view.chosen_ids() != [run.id]:  # its button chose others, and a fragment alone was drawn again
        st.rerun()
    status = run_control.head(run, seen, titled=False)
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
    figure, shown = _figure(found), found.means
    exports.chart(figure, f"sweep:{run.id}", "sweep", shown)
    if len(found.varied) > 2:
        st.caption(f"Averaged over {', '.join(map(param_title, found.varied[2:]))} and the seeds.")
    left, right = st.columns([3, 2])
    with left:
        st.caption(f"Settings by {found.objective.lower()}, with its 95 % confidence interval over seeds")
        st.dataframe(found.settings, hide_index=True, key="sweep:settings", column_config=_columns(found.objective),
                     height=min(38 + 35 * len(found.settings), 320), placeholder="")
    if len(found.shares):
        with right:
            st.caption("Share of the variation that each part explains, with its 95 % confidence interval")
            st.dataframe(found.shares, hide_index=True, key="sweep:shares", placeholder="", column_config={
                name: st.column_config.NumberColumn(words, format="percent")
                for name, words in (("Share", "Share"), ("low", "from"), ("high", "to"))})
    with st.container(horizontal=True, vertical_alignment="center"):
        exports.csv_button(found.runs, "sweep-runs", "All runs as CSV")
        st.button("Compare its runs", icon=":material/compare_arrows:", key="sweep:compare", type="tertiary",
                  on_click=view.choose, args=(found.runs["Run"].tolist(),))


def _figure(found: SweepResult) -> go.Figure:
    names = [param_title(name) for name in found.varied[:2]]
    form = ".4f" if "@" in found.objective else ".1%"
    alt = f"{found.objective} by {' and '.join(names)}. {found.summary}"
    if len(names) == 2:
        columns, rows = found.axes
        return run_plots.sweep_heat(found.means, columns, rows, names, found.objective, alt, form=form)
    return run_plots.sweep_curve(found.means, found.axes[0], names[0], found.objective, alt, form=form, joined=found.ordered)


def _columns(objective: str) -> exports.Columns:
    form = "%.4f" if "@" in objective else "percent"
    return {objective: st.column_config.NumberColumn(format=form), "low": st.column_config.NumberColumn("from", format=form),
            "high": st.column_config.NumberColumn("to", format=form)}
