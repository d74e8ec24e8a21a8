"""The page around the stage: which recommender, pictures, and the stories."""

from functools import partial

import streamlit as st

from tiger.core.words import counted
from tiger.reports.stage import offline, pictures, stories
from tiger.reports.stage.stories import Story
from tiger.ui.present import answers, component
from tiger.ui.shared import layout, recommenders, state

EXPLANATION = ("The stage shows one person at a time: what they have, how the choice narrows down, and what is suggested. "
               "**F** fills the window, **Esc** comes back to this page, arrow keys or a clicker step through it.")


def nothing() -> None:
    """What is missing where no recommender writes IDs, and the way to it."""
    if not state.catalogue().n_users:
        layout.empty("This dataset has no histories, so there is nobody to present; load it together with interactions.")
    else:
        layout.empty("This dataset has no finished generative recommender yet, so there is nothing to present.", "recommender",
                     "Train the first one")


def controls() -> None:
    """Which recommender, and whether pictures may come from other machines."""
    usable = {run.id: run.title for run in recommenders.usable()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(usable) > 1:
            run = recommenders.current()
            st.selectbox("Recommender", list(usable), format_func=lambda run_id: usable.get(run_id, run_id), width=300,
                         key="present_model",
                         on_change=state.show("present_model", run.id if run else None, state.choose_model))
        if _has_remote():
            st.toggle("Show pictures from other machines", key=component.REMOTE,
                      help="The addresses stand in the dataset's column image. Off: they are not fetched, and icons are drawn.")


def _has_remote() -> bool:
    items = state.catalogue().items
    return pictures.COLUMN in items and bool(items[pictures.COLUMN].astype(str).str.match(pictures.REMOTE).any())


def saved() -> None:
    """The stories of this dataset: play, download, delete."""
    st.subheader("Stories", anchor=False)
    found = stories.stories(state.dataset().id)
    if not found:
        st.caption("None yet. On the stage, **K** keeps what is shown, and **S** names the kept views as a story.")
    for story in found:
        with st.container(horizontal=True, vertical_alignment="center", key=f"story:{story.id}"):
            st.markdown(f"**{layout.plain(story.name)}** · {counted(len(story.frames), 'view')}", width="stretch")
            st.button("Play", icon=":material/play_arrow:", key=f"play:{story.id}", on_click=partial(_play, story))
            st.download_button("Download", partial(_file, story), f"{_file_name(story)}.html", "text/html",
                               key=f"file:{story.id}", icon=":material/download:", on_click="ignore",
                               help="One HTML file that plays without a server and without a network.")
            st.button("Delete", icon=":material/delete:", key=f"delete:{story.id}",
                      on_click=partial(layout.attempt, stories.delete, story))


def _play(story: Story) -> None:
    st.session_state[component.PLAYING] = story.id
    st.session_state[component.FILL] = st.session_state.get(component.FILL, 0) + 1


def _file(story: Story) -> str:
    return offline.page(story, answers.told(story, state.catalogue(), remote=False))


def _file_name(story: Story) -> str:
    words = "".join(char if char.isalnum() else " " for char in story.name).split()
    return "-".join(words).lower()[:60] or "story"
