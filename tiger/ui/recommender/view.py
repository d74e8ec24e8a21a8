"""Recommender: choose a model and the IDs it writes, train it as a run, and watch it find the held-out item."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from tiger import models, quantizers, runs
from tiger.analysis import evaluation
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.plots import recommenders as plots
from tiger.reports import recommenders
from tiger.reports.stage import pictures
from tiger.runs import presets
from tiger.runs.records import LearnerConfig, RunConfig
from tiger.ui.shared import caching, chart, exports, layout, live, run_control, state
from tiger.ui.shared.pagelist import BY_KEY


def pick(chosen: runs.Run | None) -> None:
    """Which of this dataset's recommenders the page shows."""
    here = {run.id: layout.run_label(run) for run in state.models_here()}
    if chosen is None or len(here) < 2:
        return
    st.selectbox("Recommender", list(here), format_func=lambda run_id: here.get(run_id, run_id), key="pick_model",
                 on_change=state.show("pick_model", chosen.id, state.choose_model))


def new_run(shown: runs.Run | None) -> None:
    """Preset, IDs, the folded form, the equal command, and the button that starts the run."""
    busy = shown is not None and live.interval(live.states(shown)) is not None
    requested = asked_recipe()
    with layout.folded("Train a recommender", f"new_model:{busy}", ":material/play_circle:",
                       shown is None or requested is not None) as drawn:
        if not drawn:
            return
        keys = [preset.key for preset in presets.MODELS]
        known = {preset.key: preset for preset in presets.MODELS}
        key = st.radio("Preset", keys, keys.index(requested) if requested else 0, key="model_recipe",
                       format_func=lambda key: known[key].title, captions=[preset.look_for for preset in presets.MODELS])
        config = configure(known[key])
        if config is not None:
            run_control.start(config, "Start training", "start_model", look_at, named=True)


def asked_recipe() -> str | None:
    """The preset that a link asks for; one that does not exist is said."""
    requested = st.query_params.get("recipe")
    if requested is None or requested in {preset.key for preset in presets.MODELS}:
        return requested
    state.notice(f"There is no recommender preset '{requested[:40]}'; choose one of those below.")
    st.query_params.pop("recipe", None)
    return None


def configure(preset: presets.ModelPreset) -> RunConfig | None:
    """IDs and hyper-parameters; the run's configuration, None where there are no IDs to write or a value is refused."""
    name, given = preset.model.name, dict(preset.model.params)
    learner, ids = models.REGISTRY[name], None
    if learner.ids_verb:
        ids = pick_ids(learner.generative)
        if ids is None:
            layout.empty(f"No run of this dataset has IDs yet, and this model {learner.ids_verb} IDs.", "train",
                         "Train the first one")
            return None
    members = pick_members(learner.member_params)
    if members is None:
        layout.empty(f"{learner.title} combines two recommenders of this dataset; train two first, for example RQ-Transformer "
                     "and SASRec.")
        return None
    values, changed = run_control.hyper_parameters(learner, f"model:{preset.key}", given, learner.member_params)
    if values is None:
        return None
    values |= members
    return RunConfig("model", state.dataset_ref(), f"{preset.title} (changed)" if changed else preset.title, preset=preset.key,
                     model=LearnerConfig(name, values), ids_run=ids.id if ids is not None else None)


def pick_ids(writes: bool) -> runs.Run | None:
    """Whose semantic IDs the model is to write, or to read."""
    coded = {run.id: run for run in state.runs_here() if run.has_result()}
    if not coded:
        return None
    now = state.current_run()
    first = list(coded).index(now.id) if now is not None and now.id in coded else 0
    chosen = st.selectbox("Semantic IDs of", list(coded), first, key="model_ids",
                          format_func=lambda run_id: f"{layout.run_label(coded[run_id])} · {_kind(coded[run_id])}",
                          help="The recommender learns to write the IDs that this run gave to the items." if writes else
                          "Items whose IDs of this run share codes or a prefix share vectors.")
    return coded[chosen]


def pick_members(names: Sequence[str]) -> dict[str, str] | None:
    """Which trained recommenders a model combines, one a name; None where there are too few."""
    usable = [run for run in state.models_here() if run.has_result()] if names else []
    usable.sort(key=lambda run: bool(models.REGISTRY[run.learner.name].member_params))  # what combines others comes last
    trained = {run.id: run for run in usable}
    if len(trained) < len(names):
        return None
    found: dict[str, str] = {}
    for name, place in zip(names, st.columns(max(1, len(names))), strict=False):
        free = [run_id for run_id in trained if run_id not in found.values()]
        found[name] = place.selectbox(f"{name.capitalize()} member", free, key=f"member:{name}",
                                      format_func=lambda run_id: layout.run_label(trained[run_id]),
                                      help="A trained recommender of this dataset; its weights are stored with the ensemble.")
    return found


def _kind(run: runs.Run) -> str:
    name = run.config.quantizer.name if run.config.quantizer else ""
    if name in quantizers.REGISTRY:
        return quantizers.REGISTRY[name].title
    return "recorded elsewhere" if run.external else "imported"


def look_at(run_id: str) -> None:
    """Look at this recommender from now on; the preset that a link asked for is dealt with."""
    st.query_params.pop("recipe", None)
    state.choose_model(run_id)


def watch(run: runs.Run, seen: tuple[str, ...]) -> None:
    """Everything about one model run, from its folder. The page calls this in a polling fragment."""
    status = run_control.head(run, seen, about(run))
    if run_control.steppable(run):
        live.charts(run, status, (live.LOSS, live.VALID, live.LEVEL_LOSS))
    if status.state == "paused":
        st.caption("Press “Step one batch” to see what a single batch does to the loss of each level.")
    if status.state in live.ACTIVE:
        return
    run_control.how_it_ended(run, status)
    if run.has_result():
        with layout.guard("The result"):
            scores(run)
            weights(run)
            example(run, state.catalogue_of(run))


def about(run: runs.Run) -> str:
    """What trains on which IDs, in one line."""
    learner = models.REGISTRY[run.learner.name]
    words = f"{learner.title}, run {run.id}"
    if learner.member_params:
        return f"{words}, combines {recommenders.inputs_about(run.config)['ids']}"
    coded = run.config.ids_run
    return f"{words}, {learner.ids_verb} the IDs of {recommenders.ids_summary(coded)}" if coded else words


def scores(run: runs.Run) -> None:
    """How often the held-out item is found, beside what chance would find."""
    test = run.metrics().get("test")
    if not test:
        st.caption(f"Not measured, because it did not finish; python -m tiger evaluate {run.id} measures it as it is.")
        return
    for column, name in zip(st.columns(4), recommenders.NAMES, strict=True):
        low, high = test["interval"][name]
        column.metric(name.replace("ndcg", "NDCG").replace("recall", "Recall"), f"{test[name]:.4f}",
                      help=f"95 % interval over users: {low:.4f} to {high:.4f}")
    who = f"all {test['n_users']:,}" if test["n_users"] == test["n_users_all"] else \
        f"{test['n_users']:,} of {test['n_users_all']:,}"
    width = f", {counted(test['width'], 'beam')}" if test["width"] else ""
    st.caption(f"Test item of {who} users, ranked among all items{width}; item-level. "
               f"{recommenders.seen_summary(test.get('exclude_seen', False), 'exclude_seen' not in test)} "
               f"{test['ms_per_user']:.2g} ms a user on this machine.")


def weights(run: runs.Run) -> None:
    """Of an ensemble: the weight, and the scores of every weight that was tried."""
    status = run.status
    model = load(run.id, int(status.attempt), int(status.step)) if models.REGISTRY[run.learner.name].member_params else None
    if not isinstance(model, models.Ensemble):
        return
    words, frame = recommenders.weight_summary(model), recommenders.weight_frame(model)
    if frame.empty:
        st.markdown(layout.plain(words))
    else:
        exports.titled(words, "Validation scores over the weight; dotted: the chosen one.")
        figure = plots.weight_lines(frame, words, model.weight_)
        chart.show(figure, "weights", exports.config("weights"))
        exports.under(figure, "weights", frame)


@st.cache_resource(max_entries=8, show_spinner="Reading the recommender …")
def load(run_id: str, attempt: int, step: int) -> models.Recommender:
    """A fitted recommender, read once for all visitors."""
    return runs.find(run_id).recommender()


@caching.resource(128)
def recommended(run: runs.Run, cat: Catalogue, user: int) -> pd.DataFrame:
    """One user's first ten recommendations, the held-out item marked."""
    history, held_out = recommenders.history_for_test(cat, user)
    model = load(run.id, int(run.status.attempt), int(run.status.step))
    found = model.recommend(history, 10, recommenders.fitting_width(model, evaluation.WIDTH), user=user,
                            exclude_seen=model.excludes_seen(cat=cat))
    return recommenders.recommended_frame(found["item"], found["score"], cat.items["title"].tolist(), held_out)


def example(run: runs.Run, cat: Catalogue) -> None:
    """One user's history and what the model recommends; the held-out item is marked."""
    st.subheader("What it recommends", anchor=False)
    if not cat.n_users:
        layout.empty("This dataset has no histories to recommend for.")
        return
    user = st.number_input("User", 0, cat.n_users - 1, min(state.number_or("user", cat.n_users, 0), cat.n_users - 1),
                           key=f"example:{run.id}", help="Any user of this dataset; the last item is held out.")
    state.put_number("user", int(user))
    history, held_out = recommenders.history_for_test(cat, int(user))
    titles = cat.items["title"]
    model = load(run.id, int(run.status.attempt), int(run.status.step))
    excludes = model.excludes_seen(cat=cat)
    table = recommended(run, cat, int(user))
    st.markdown(layout.plain("History, newest last: " + "; ".join(titles.iloc[history[-5:]])))
    st.caption(recommenders.seen_summary(excludes))
    place = table.loc[table["held_out"], "rank"]
    words = f"has rank {place.iloc[0]}" if len(place) else f"is not among the {len(table)}"
    st.markdown(layout.plain(f"User {user} has too few items for one to be held out of training." if held_out is None
                            else f"Held-out item: {titles.iloc[held_out]}; it {words}."))
    shown = table.assign(held_out=["held-out item" if mark else "" for mark in table["held_out"]])
    seen = pictures.of(cat, shown["item"].tolist())
    st.dataframe(shown.assign(picture=seen) if seen else shown, hide_index=True, key="recommended",
                 column_order=[name for name in ("rank", "picture", "title", "score", "held_out") if seen or name != "picture"],
                 column_config={"picture": st.column_config.ImageColumn("", width=48), "held_out": "Held out", "rank": "Rank",
                                "title": "Title", "score": "Score"})
    with st.container(horizontal=True, vertical_alignment="center"):
        exports.csv_button(shown, f"recommended-{user}")
        if model.generative:
            st.page_link(BY_KEY["beam"].file, label="Step through its beam search", icon=BY_KEY["beam"].icon,
                         query_params=state.link_params(user=int(user)))
