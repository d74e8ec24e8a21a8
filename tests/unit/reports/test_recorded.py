"""Diagnoses of runs that are recorded elsewhere: what they rest on, what they could not see, and remedies in other words."""

import numpy as np
import pytest

from tests.support import recording
from tiger import datasets, reports, runs
from tiger.analysis import doctor
from tiger.analysis.doctor import libraries, remedies
from tiger.recording import recorder as recorder_module


@pytest.fixture(autouse=True)
def _workspace(tiger_home, monkeypatch):
    monkeypatch.setattr(recorder_module, "KEEP_S", 0.0)
    monkeypatch.setattr(recorder_module, "KEEP_SHARE", 1e9)


def diagnosed(rec):
    run = runs.find(rec.run.id)
    return reports.diagnose(run, datasets.load_ref(run.config.dataset))


def log(rec, n_steps=6, used=1.0, rows=True, **more):
    for step in range(0, 10 * n_steps, 10):
        codes_BL, rows_B = recording.batch(step, used=used)
        rec.log(step, codes=codes_BL, rows=rows_B if rows else None, **more)


@pytest.mark.parametrize("rows", [True, False])
def test_a_collapse_is_seen_while_it_trains(rows):
    rec = recording.recorder(library="vector-quantize-pytorch", settings={"kmeans_init": False, "threshold_ema_dead_code": 0})
    log(rec, used=0.0, rows=rows)
    found = diagnosed(rec)
    assert found.disease == "total_collapse" and found.signs.perplexity == [1, 1, 1]
    assert found.remedies[0].how == "kmeans_init=True, threshold_ema_dead_code=2"
    assert any("of 90 items" in line if rows else "Whose codes they are was not recorded" in line for line in found.evidence)


def test_codes_of_unknown_items_say_nothing_about_collisions():
    """The same eight IDs come again and again, as a healthy training's do from epoch to epoch."""
    rec = recording.recorder(n_codes=[8])
    for step in range(40, 60):
        rec.log(step, codes=np.random.default_rng(step).permutation(np.repeat(np.arange(8), 4))[:, None])
    found = diagnosed(rec)
    assert found.healthy and not any("distinct IDs" in line for line in found.evidence)
    assert found.unseen[0].startswith("Collisions, distinct IDs and neighbours: log the items' numbers")


def test_what_was_not_recorded_is_listed_with_what_to_record():
    rec = recording.recorder()
    log(rec, 2)
    said = " ".join(diagnosed(rec).unseen)
    for wanted in ("close(codes=codes)", "inputs=x, outputs=x_hat", "learning_rate=", "losses={", "codebooks=lambda",
                   "settings={"):
        assert wanted in said
    x = recording.vectors()[:40]
    rec = recording.recorder(settings={"beta": 0.25})
    log(rec, 5, inputs=x, outputs=x * 0.5, learning_rate=1e-3, losses={"loss": 1.0},
        codebooks=[np.ones((size, 3)) for size in recording.N_CODES])
    rec.close(codes=np.stack([np.arange(90) % size for size in recording.N_CODES], 1))
    assert diagnosed(rec).unseen == []


def test_explained_variance_is_what_the_training_measured_last():
    rec = recording.recorder()
    x = recording.vectors()[:40]
    log(rec, 3, inputs=x, outputs=0 * x)
    log(rec, 6, inputs=x, outputs=x)
    assert diagnosed(rec).signs.explained == pytest.approx(1)


def test_a_loss_that_is_no_number_comes_first():
    rec = recording.recorder()
    log(rec, 4, losses={"loss": 1.0})
    rec.log(50, codes=recording.batch(1)[0], losses={"loss": float("nan")})
    rec.log(51, losses={"loss": float("inf")})
    found = diagnosed(rec)
    assert (found.disease, found.severity) == ("not_finite", "critical") and found.evidence[0] == "At step 50 loss is nan."
    assert [event.get("loss") for event in rec.run.events()[0]] == [1.0] * 4 + [None, None]


def test_a_training_that_has_just_begun_is_not_untrained_and_a_short_one_is():
    rec = recording.recorder()
    log(rec, 3)
    assert diagnosed(rec).disease != "untrained"
    rec.close()
    assert diagnosed(rec).disease == "untrained"


def test_neighbours_are_looked_up_among_the_recorded_items():
    """Codes that follow the vectors' groups share prefixes with true neighbours; shuffled ones do not."""
    from sklearn.cluster import KMeans

    group_I = KMeans(8, n_init=3, random_state=0).fit_predict(recording.vectors())
    codes_IL = np.stack([group_I, np.arange(90) % 4, np.arange(90) % 6], 1)
    rows = np.arange(5, 85)
    for codes in (codes_IL, codes_IL[np.random.default_rng(0).permutation(90)]):
        rec = recording.recorder(window=80)
        rec.log(40, codes=codes[rows], rows=rows)
        first = diagnosed(rec).signs.neighbours[0]
        assert (first.recall.mean > 2 * first.by_chance) == (codes is codes_IL)


def test_the_clock_of_a_large_catalogue_is_the_windows():
    """Codes of a few items are held against those items' vectors, however many others there are."""
    rng = np.random.default_rng(0)
    emb_IE = rng.normal(size=(5000, 8)).astype(np.float32)
    emb_IE[10] = emb_IE[11]
    rec = recording.recorder(embeddings=emb_IE, item_ids=None, n_codes=[64, 64])
    rows = np.arange(8, 200)
    rec.log(40, codes=rng.integers(0, 64, (192, 2)), rows=rows)
    signs = diagnosed(rec).signs
    assert (signs.n_items, signs.n_distinct) == (192, 191)


BETA, SIZE = "commitment_weight=0.25", "codebook_size=256"


@pytest.mark.parametrize(("key", "settings", "how"), [
    ("vector-quantize-pytorch", {}, ["kmeans_init=True, threshold_ema_dead_code=2", BETA, SIZE]),
    ("vector-quantize-pytorch", {"kmeans_init": True}, ["threshold_ema_dead_code=2", BETA, SIZE]),
    ("vector-quantize-pytorch", {"kmeans_init": True, "threshold_ema_dead_code": 4, "commitment_weight": 0.25}, [SIZE]),
    ("vector-quantize-pytorch: SimVQ", {}, [BETA, SIZE]),
    ("rqvae-recommender", {"vae_codebook_kmeans_init": False}, ["train.commitment_weight=0.25", "train.vae_codebook_size=256"]),
    ("nobody knows this one", {}, [
        "start each codebook as the k-means centres of a large batch of its residuals, every few hundred steps, set each code "
        "that got no item since to a random residual of the batch", "weight of the commitment loss = 0.25",
        "256 codes per level"])])
def test_remedies_are_said_in_the_librarys_words_and_left_out_where_it_has_none(key, settings, how):
    given = [remedies.KMEANS_RESTART, remedies.LOWER_BETA, remedies.wider()]
    assert [remedy.how for remedy in libraries.find(key).prescribe(given, settings)] == how


def test_every_remedy_can_be_said_for_code_of_ones_own():
    known = [value for value in vars(remedies).values() if isinstance(value, doctor.Remedy)]
    said = [remedy for remedy in known if libraries.OWN.prescribe([remedy], {"sinkhorn": not remedy.changes.get("sinkhorn")})]
    assert {remedy.title for remedy in known} - {remedy.title for remedy in said} == {"Move the hyperplanes to the mean"}
