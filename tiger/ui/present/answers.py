"""What the stage shows, made once for all visitors."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tiger import runs
from tiger.datasets.catalogue import Catalogue
from tiger.reports.beam import Prefix
from tiger.reports.beam_page import BeamRequest, Writer
from tiger.reports.prefixes import group_names
from tiger.reports.stage import beside as beside_reports
from tiger.reports.stage import people, pictures
from tiger.reports.stage import scene as scenes
from tiger.reports.stage.people import Interests, Person
from tiger.reports.stage.scene import Beside, Cause, Scene
from tiger.reports.stage.stories import Story
from tiger.ui.present import request
from tiger.ui.shared import caching, recommenders, searches, sources, state

N_BESIDE = 2  # other recommenders' lists beside popularity's


@caching.resource(4)
def interests(cat: Catalogue) -> Interests:
    """What the items are about."""
    return Interests.of(cat, sources.texts(cat).words)


@caching.resource(128)
def who_likes(cat: Catalogue, words: str) -> tuple[list[str], list[Person]]:
    """The interests that a text names, and users who have them."""
    about = interests(cat)
    wanted = people.terms(words, about.part_names)
    return wanted, people.who_likes(about, wanted) if wanted else []


@caching.resource(8)
def offers(cat: Catalogue) -> list[str]:
    """Interests that most users have."""
    return people.popular(interests(cat))


@caching.resource(256)
def _names(writer: Writer, cat: Catalogue, prefixes: tuple[Prefix, ...]) -> list[str]:
    return group_names(writer.ids, cat, sources.texts(cat), prefixes)


@caching.resource(256)
def cause(req: BeamRequest, item: int) -> Cause:
    """Which item of the history carries a suggestion."""
    return scenes.cause(req, item)


@caching.resource(128)
def scene(req: BeamRequest, made_up: bool, with_beside: bool, explained: tuple[int, ...], remote: bool) -> Scene:
    """The scene of a search.

    Args:
        made_up: it is nobody of the dataset.
        with_beside: other recommenders' lists are wanted.
        explained: suggestions of which is said what carries them.
        remote: pictures may come from other machines.
    """
    items = req.search.items
    found = searches.trace(req) if items else None
    before = searches.trace(req, req.before) if req.before is not None and items else None
    causes = [cause(replace(req, before=None), item) for item in explained if items and req.ids.has_id_I[item]]
    return scenes.scene(
        req, found, before, lambda prefixes: _names(req.writer, req.cat, tuple(prefixes)),
        partial(pictures.looks, req.cat, remote=remote), person="Somebody new" if made_up else f"Person {req.user}",
        likes=people.tastes(interests(req.cat), items), beside=beside(req) if with_beside and items else None, causes=causes)


def beside(req: BeamRequest) -> Beside:
    """Other recommenders' lists: popularity, and the newest run of each of two other kinds."""
    own, search = req.writer.run, req.search
    chosen: dict[str, runs.Run | None] = {}
    kinds: set[str] = set()
    for name, run in searches.others(own).items():
        kind = run.learner.name if run is not None else ""
        if kind not in kinds and len(chosen) <= N_BESIDE:
            kinds.add(kind)
            chosen[name] = run
    lists, ms = {}, {}
    for name, run in chosen.items():
        with contextlib.suppress(ValueError):  # it cannot read this catalogue or this history
            lists[name] = searches.listed(run, req.cat, search.items, search.exclude_seen).tolist()
            ms[name] = _ms(run, req.cat, search.width, search.items, search.exclude_seen)
    return beside_reports.beside(req, searches.trace(req), lists, ms,
                                 _ms(own, req.cat, search.width, search.items, search.exclude_seen),
                                 searches.trace(req, replace(search, free=True)))


@caching.resource(64)
def _ms(run: runs.Run | None, cat: Catalogue, width: int, _items: Sequence[int], _exclude_seen: bool) -> float:
    """What a request takes here; measured once a recommender, so that the number stands still."""
    return beside_reports.request_ms(searches.learner(run, cat), _items, width, _exclude_seen)


def told(story: Story, cat: Catalogue, remote: bool) -> list[Scene]:
    """A story's scenes, one a frame. Each has all that any frame of the same search shows, and says what carries what.

    Raises:
        ValueError: a recommender, user or item of it is not there any more.
    """
    models = {run.id: run for run in recommenders.usable()}
    asked = []
    for frame in story.frames:
        if frame.model not in models:
            raise ValueError(f"The story '{story.name}' was told with a recommender that is not there any more.")
        run = models[frame.model]
        asked.append(request.of_frame(recommenders.writer(run, state.catalogue_of(run)), state.catalogue_of(run), frame))
    compared = {_same(req, frame.user is None) for req, frame in zip(asked, story.frames, strict=True) if frame.beside}
    found = []
    for req, frame in zip(asked, story.frames, strict=True):
        made_up = frame.user is None
        items = searches.trace(req).items["item"].head(scenes.N_SUGGESTED).astype(int).tolist() if frame.items else []
        found.append(scene(replace(req, level=0), made_up, _same(req, made_up) in compared, tuple(items), remote))
    return found


def _same(req: BeamRequest, made_up: bool) -> tuple[object, ...]:
    return req.writer.run.id, req.user, made_up, req.search, req.before
