"""The bundled recommender clearly beats popularity, and what it recommends fits what a person bought."""

import numpy as np
import pytest

from tiger import datasets, models, runs

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def shop():
    return datasets.load("synthetic")


@pytest.fixture(scope="module")
def demo():
    return runs.find("demo-recommender")


def test_it_writes_the_ids_of_the_demo_run_and_clearly_beats_popularity(shop, demo):
    model = demo.recommender()
    ids = runs.find(demo.config.ids_run).semantic_ids()
    np.testing.assert_array_equal(model.metadata_["ids"].numpy(), ids.ids_IM)
    floor = models.create("popularity").fit(shop).evaluate(shop, "test", (10,))
    users = shop.split().user_U[::8]
    mine = model.evaluate(shop, "test", (10,), users=users)
    assert mine["recall@10"] > 2 * floor["recall@10"]
    kept = demo.metrics()["test"]
    assert kept["n_users"] == 4000 and kept["recall@10"] > 2.5 * floor["recall@10"]
    assert kept["recall@10"] == pytest.approx(mine["recall@10"], abs=0.05)


def test_its_recommendations_fit_the_person(shop, demo):
    """Far more often from the departments of the history than the catalogue's items are by chance."""
    department_I = shop.items["category"].str.split(" > ").str[0].to_numpy()
    users = shop.split().user_U[::5]
    rows = [shop.history(user)[:-1] for user in users]
    found, _ = demo.recommender().rank_batch([row[-20:] for row in rows], 10)
    assert (found >= 0).all()
    hits = [np.isin(department_I[items], department_I[row]).mean() for items, row in zip(found, rows, strict=True)]
    chance = [np.isin(department_I, department_I[row]).mean() for row in rows]
    assert np.mean(hits) > 1.8 * np.mean(chance)
