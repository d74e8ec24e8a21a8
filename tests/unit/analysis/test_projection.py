"""PCA against scikit-learn, UMAP's neighbours against brute force, samples and densities by hand."""

import os
import sys

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from tiger.analysis import projection
from tiger.core import paths

os.environ.setdefault("NUMBA_CACHE_DIR", str(paths.subfolder("cache") / "numba"))  # compile UMAP once


@pytest.mark.parametrize("n_dims", [2, 3])
def test_pca_agrees_with_scikit_learn(n_dims):
    x = (np.random.default_rng(0).normal(size=(200, 10)) * range(1, 11)).astype(np.float32)
    found, oracle = projection.pca(x, n_dims), PCA(n_dims).fit(x)
    theirs = oracle.transform(x)
    for axis in range(n_dims):
        sign = np.sign(found.place_ND[0, axis] * theirs[0, axis])
        assert found.place_ND[:, axis] == pytest.approx(sign * theirs[:, axis], abs=1e-3)
    assert found.explained_D == pytest.approx(oracle.explained_variance_ratio_, abs=1e-5)


def test_pca_of_fewer_axes_than_asked_is_flat():
    found = projection.pca(np.array([[1.0], [2.0], [4.0]]), 3)
    assert (found.place_ND[:, 1:] == 0).all()
    assert found.place_ND[:, 0] == pytest.approx([-4 / 3, -1 / 3, 5 / 3])
    assert found.explained_D.tolist() == [1, 0, 0]


def test_nearest_rows_agree_with_scikit_learn():
    x = np.random.default_rng(1).normal(size=(300, 6)).astype(np.float32)
    steps = list(projection.nearest_rows(x, 5, batch_size=64))
    index, distance = steps[-1][1]
    theirs = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(x).kneighbors(x)
    assert (index == theirs[1]).all()
    assert distance == pytest.approx(theirs[0], abs=1e-3)
    assert [done for done, _ in steps[:-1]] == [64, 128, 192, 256, 300]


def test_sample_keeps_every_stratum_and_the_shares():
    stratum = np.repeat(np.arange(4), [8000, 1500, 499, 1])
    rows = projection.sample(stratum, 1000)
    counts = np.bincount(stratum[rows], minlength=4)
    assert len(rows) == 1000 and (np.diff(rows) > 0).all()
    assert counts == pytest.approx([800, 150, 50, 1], abs=2)
    assert (projection.sample(stratum, 10**6) == np.arange(10_000)).all()
    assert (projection.sample(stratum, 1000) == rows).all()


def test_density_counts_every_item_once():
    place = np.array([[0.0, 0.0], [0.1, 0.0], [1.0, 2.0]])
    count, x, y = projection.density(place, bins=2)
    assert count.tolist() == [[2, 0], [0, 1]]
    assert x.tolist() == [0.25, 0.75] and y.tolist() == [0.5, 1.5]


@pytest.mark.thorough
def test_umap_keeps_clusters_apart_and_is_reproducible():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(centre, 0.05, size=(60, 8)) for centre in np.eye(8)[:3]])
    params = projection.UmapParams(n_epochs=60, seed=3)
    steps = list(projection.umap_steps(x, np.arange(100, 280), params))
    assert [step.step for step in steps] == sorted(step.step for step in steps)
    assert steps[-1].step == steps[-1].n_steps and steps[0].stage == "exact neighbours"
    layout = steps[-1].metrics["layout"]
    assert layout.place_ND.shape == (180, 2) and layout.row_N[0] == 100
    _, near = NearestNeighbors(n_neighbors=6).fit(layout.place_ND).kneighbors(layout.place_ND)
    assert (near // 60 == np.arange(180)[:, None] // 60).mean() > 0.99
    again = list(projection.umap_steps(x, None, params))[-1].metrics["layout"]
    assert (again.place_ND == layout.place_ND).all()
    import umap.umap_ as package
    assert all(getattr(package, name).stats.cache_path for name in projection.EVERY_MAP), "compiled once a machine"


def test_the_search_for_neighbours_is_compiled_where_it_is_used_and_only_there(monkeypatch, tmp_path):
    """Seen by packages that stand for the real ones, which would compile for fifteen seconds."""
    import numba
    (tmp_path / "pynndescent.py").write_text("import numba\ncompiled = not numba.config.DISABLE_JIT\n")
    (tmp_path / "umap.py").write_text("import numba, pynndescent as search\ncompiled = not numba.config.DISABLE_JIT\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] in ("pynndescent", "umap")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("pynndescent", "umap"):  # what is imported here is gone after the test
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
    states = []
    for searches in (False, True, False):
        package = projection._package(searches)
        states.append((package.compiled, package.search.compiled))
    assert states == [(True, False), (True, True), (True, True)]
    assert not numba.config.DISABLE_JIT


def test_umap_of_three_items_says_what_to_do():
    with pytest.raises(ValueError, match="at least 4 items"):
        list(projection.umap_steps(np.zeros((3, 2))))
