"""The map's neighbours, stored layouts and worker; the colours under simulated colour blindness."""

import os
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from tiger import datasets, runs
from tiger.analysis import projection
from tiger.analysis.projection import Layout, UmapParams
from tiger.core import paths
from tiger.datasets.catalogue import Catalogue
from tiger.plots import colours
from tiger.plots import map as plot
from tiger.runs import layouts, worker
from tiger.runs.worker_context import WorkerContext

os.environ.setdefault("NUMBA_CACHE_DIR", str(paths.subfolder("cache") / "numba"))  # compile UMAP once
REF = {"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TIGER_HOME", str(tmp_path))
    return tmp_path


def shop(n_items: int = 30) -> Catalogue:
    items = pd.DataFrame({"item_id": [f"i{n}" for n in range(n_items)], "text": "",
                          "title": [f"Item {n}" for n in range(n_items)],
                          "category": ["A", "B"] * (n_items // 2)})
    emb = np.random.default_rng(0).normal(size=(n_items, 6)).astype(np.float32)
    return Catalogue("small", items, np.zeros(1, np.int64), np.empty(0, np.int64), [], emb, REF)


def test_a_sample_says_what_it_keeps_the_shares_of(home):
    cat = shop()
    assert layouts.sampled_by(None, cat) == "category"
    assert layouts.sampled_by(runs.find("demo-rqvae"), cat) == "first code"
    cat.items["category"] = " "
    assert layouts.sampled_by(None, cat) == "" and len(set(layouts._strata(None, cat))) == 1


def test_layouts_are_found_again_only_by_the_same_question(home):
    asked = UmapParams()
    key = layouts.layout_key(REF, None, "input", asked)
    assert key == layouts.layout_key(dict(reversed(REF.items())), None, "input", UmapParams())
    assert key != layouts.layout_key(REF, None, "input", UmapParams(seed=1))
    assert layouts.find_layout(key) is None
    layouts.store_layout(key, Layout(np.ones((2, 2)), np.array([3, 5])))
    assert layouts.find_layout(key).row_N.tolist() == [3, 5]
    (home / "cache" / "maps" / f"{key}.safetensors").write_bytes(b"torn")
    assert layouts.find_layout(key) is None


@pytest.mark.thorough
def test_the_worker_computes_and_stores_the_layout(home, monkeypatch):
    cat = shop()
    monkeypatch.setattr(datasets, "load_ref", lambda ref: cat)
    asked = UmapParams(n_epochs=20, n_neighbors=5)
    run = runs.new_run(layouts.request(REF, None, "input", asked))
    key = run.config.projection.key
    assert layouts.running(run.config).id == run.id
    steps = list(worker.TASKS["projection"](WorkerContext(run)))
    assert run.state == "finished" and steps[-1].step == steps[-1].n_steps
    layout = layouts.find_layout(key)
    wanted = list(projection.umap_steps(cat.embedding_IE, None, asked))[-1].metrics["layout"]
    assert (layout.place_ND == wanted.place_ND).all() and (layout.row_N == np.arange(30)).all()


def test_the_worker_hears_stop(home, monkeypatch):
    monkeypatch.setattr(datasets, "load_ref", lambda ref: shop())
    run = runs.new_run(layouts.request(REF, None, "input", UmapParams()))
    session = WorkerContext(run)
    session.update_status(state="running")
    session.stop_reason = "It was told to end."
    assert list(layouts.execute(session)) == []
    assert run.state == "stopped" and layouts.find_layout(run.config.projection.key) is None


def test_unknown_spaces_say_what_there_is(home):
    with pytest.raises(ValueError, match="choose from input, latent, reconstruction"):
        layouts.vectors(shop(), None, "elsewhere")
    with pytest.raises(ValueError, match="belong to a run"):
        layouts.vectors(shop(), None, "latent")
    assert layouts.spaces(None) == ["input"]


BLINDNESS = {  # Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}


def seen(colour: str, matrix: list[list[float]]) -> str:
    rgb = np.array([int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.array(matrix) @ np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear, 0, 1)
    back = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(value * 255):02x}" for value in back)


@pytest.mark.parametrize("kind", BLINDNESS)
def test_hues_stay_apart_for_the_colour_blind(kind):
    for one, other in combinations(colours.HUES, 2):
        first, second = (colours.oklab(seen(hue, BLINDNESS[kind])) for hue in (one, other))
        assert np.linalg.norm(first - second) > 0.06, (one, other)  # three times the just noticeable


@pytest.mark.parametrize(("kind", "least"), [("protan", 0.03), ("deutan", 0.03), ("tritan", 0.02)])
def test_no_shade_of_one_hue_is_taken_for_another_hue(kind, least):
    """Marks of equal shape may have any two hues, so the whole palette is held: 0.02 is the just noticeable."""
    seen_as = np.array([colours.oklab(seen(colour, BLINDNESS[kind])) for colour in colours.palette()[:-1]])
    hue = np.repeat(np.arange(len(colours.HUES)), colours.PER_HUE)
    apart = np.linalg.norm(seen_as[:, None] - seen_as, axis=2)
    assert apart[hue[:, None] != hue].min() > least


def test_shades_and_tints_of_one_hue_differ():
    for hue in range(len(colours.HUES)):
        own = colours.palette()[hue * colours.PER_HUE:(hue + 1) * colours.PER_HUE]
        assert own[0] == colours.HUES[hue].lower()
        for one, other in combinations(own, 2):
            assert np.linalg.norm(colours.oklab(one) - colours.oklab(other)) > 0.02, (one, other)


def test_neighbouring_marks_differ_in_hue_and_in_shape():
    """Codes 0..41, equally full, so that code n gets the n-th mark."""
    codes = np.arange(42)[:, None]
    found = colours.marks(codes, 1, np.zeros((42, 2)))
    hue = found.colour_I // colours.PER_HUE
    assert (hue[1:] != hue[:-1]).all() and (found.shape_I[1:] != found.shape_I[:-1]).all()
    assert len(set(found.shape_I[:6])) == len(set(hue[:6])) == 6
    assert len(set(zip(hue, found.shape_I, strict=True))) == 42


def test_an_item_without_an_id_has_a_shape_of_its_own():
    found = colours.marks(np.array([[0, 0], [-1, -1]]), 2, np.zeros((2, 2)))
    assert found.shape_I.tolist() == [0, len(colours.SHAPES)]
    assert plot.SHAPES_2D[found.shape_I[1]] == colours.NO_SHAPE not in colours.SHAPES
    assert len(set(plot.SHAPES_3D)) == len(plot.SHAPES_3D) == len(plot.SHAPES_2D)


def test_oklab_of_known_colours_and_back():
    assert colours.oklab("#ffffff") == pytest.approx([1, 0, 0], abs=1e-3)
    assert colours.oklab("#ff0000") == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)  # from Ottosson's table
    for hue in colours.HUES:
        assert colours.from_oklab(colours.oklab(hue)) == hue.lower()


def test_deeper_prefixes_are_shades_of_the_level_1_hue():
    rng = np.random.default_rng(0)
    codes, place = rng.integers(0, 9, (200, 3)), rng.normal(size=(200, 2))
    codes[0] = -1
    coarse, fine = colours.marks(codes, 1, place), colours.marks(codes, 2, place)
    n = colours.PER_HUE
    assert (coarse.colour_I[1:] % n == 0).all() and (fine.colour_I[1:] // n == coarse.colour_I[1:] // n).all()
    deep, n = colours.marks(codes, 3, place), len(colours.TINTS)
    assert (fine.colour_I[1:] % n == 0).all() and (deep.colour_I[1:] // n == fine.colour_I[1:] // n).all()
    assert len(set(deep.colour_I)) > len(set(fine.colour_I)) > len(set(coarse.colour_I))
    assert colours.palette()[coarse.colour_I[0]] == colours.NONE
    for item in range(1, 200):
        same = (codes[:, :2] == codes[item, :2]).all(1)
        assert len(set(fine.colour_I[same])) == 1
    again = colours.marks(codes[:50], 1, place[:50], coarse.mark_K)
    assert (again.colour_I == coarse.colour_I[:50]).all()


def test_marks_differ_while_there_are_enough_and_lie_apart_afterwards():
    line = np.arange(43)
    marks = colours.spread_marks(np.repeat(line, 2), np.repeat(line[:, None], 2, 0) * [1.0, 0.0])
    assert len(set(marks[:42])) == 42
    assert marks[42] == marks[0]  # the farthest one on the line
