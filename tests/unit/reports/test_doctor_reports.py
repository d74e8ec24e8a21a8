"""Consultations and treatments of runs in folders, with remedies that really train."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.training import clusters, fit_into
from tiger import datasets, quantizers, reports, runs
from tiger.datasets import registry
from tiger.reports.doctor import course_of, settings_of, treated_config
from tiger.runs.records import RunConfig
from tiger.semantic_ids import import_ids

SMALL = {"n_codes": 64, "n_levels": 3, "hidden": "64", "latent_width": 16, "batch_size": 256, "n_steps": 200}
OFF = {"kmeans_init": False, "restart_threshold": 0.0}


pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("one_thread")]


_FITTED: dict[tuple[bytes, str], dict[Path, bytes]] = {}


def fit(run: runs.Run, emb_IE: np.ndarray) -> runs.Run:
    """``fit_into``; what an earlier test trained on the same vectors with the same settings is copied from it."""
    key = emb_IE.tobytes(), repr(run.learner)
    if key not in _FITTED:
        fit_into(run, emb_IE)
        _FITTED[key] = {path.relative_to(run.path): path.read_bytes() for path in run.path.rglob("*")
                        if path.is_file() and path.name != "config.json"}
    for name, content in _FITTED[key].items():
        (run.path / name).parent.mkdir(exist_ok=True)
        (run.path / name).write_bytes(content)
    return run


@pytest.fixture
def make(tiger_home, tmp_path):
    """Makes a catalogue of vectors alone, and a run of it that is trained in this process."""
    def made(emb_IE: np.ndarray, trained: bool = True, **changes):
        path = tmp_path / f"{len(list(tmp_path.glob('*.npy')))}.npy"
        np.save(path, emb_IE)
        ref = registry.vectors_alone(str(path))
        run = runs.new_run({"dataset": ref, "title": "Mine", "quantizer": {"name": "rqvae", "params": SMALL | changes}})
        cat = datasets.load_ref(ref)
        return (fit(run, cat.embedding_IE) if trained else run), cat
    return made


def treat(run, cat, n_remedies: int = 3, log: list[RunConfig] | None = None) -> list[reports.Examined]:
    def train(config, found):
        if log is not None:
            log.append(config)
        return fit(runs.new_run(config), cat.embedding_IE)
    return list(reports.treat(run, cat, train, n_remedies))


def test_small_vectors_are_treated_until_healthy(make):
    run, cat = make(clusters() * np.float32(1e-3))
    asked: list[RunConfig] = []
    before, after = treat(run, cat, log=asked)
    assert (before.run_id, before.diagnosis.disease, after.diagnosis.disease) == (run.id, "small_scale", "healthy")
    assert after.changes == {"normalise": "centre"} and before.changes == {}
    assert after.distinct_ids[0] > 1200 > before.distinct_ids[0] and after.distinct_ids[1] == 1500
    assert asked[0].parent == run.id and asked[0].title == "Mine: centre the embeddings and scale them to spread 1"
    assert runs.find(after.run_id).learner.params == run.learner.params | after.changes


def test_two_causes_take_two_remedies_and_the_first_stays_in(make):
    run, cat = make(clusters() + np.float32(0.5), beta=50.0)
    course = treat(run, cat)
    assert [one.verdict for one in course] == ["Over-strong commitment", "Dominant mean", "Healthy"]
    assert [one.changes for one in course[1:]] == [{"beta": 0.25}, {"normalise": "centre"}]
    assert runs.find(course[2].run_id).config.parent == course[1].run_id
    found = reports.consult(runs.find(course[2].run_id), course_of(run), lambda one: reports.diagnose(one, cat))
    assert [one.run_id for one in found.course] == [one.run_id for one in course] and found.next is None


def test_at_most_so_many_remedies_and_the_next_call_goes_on(make):
    run, cat = make(clusters() + np.float32(0.5), beta=50.0)
    assert [one.verdict for one in treat(run, cat, 1)] == ["Over-strong commitment", "Dominant mean"]
    asked: list[RunConfig] = []
    assert [one.verdict for one in treat(run, cat, log=asked)][-1] == "Healthy"
    assert len(asked) == 1, "what was tried before is not tried again"
    assert len(treat(run, cat)) == 3, "and a healthy course ends at once"


def test_copies_are_treated_no_further(make):
    run, cat = make(np.resize(clusters(700), (1500, 48)), **OFF)
    course = treat(run, cat)
    assert [one.verdict for one in course] == ["Total collapse", "Duplicate vectors"]
    assert course[0].diagnosis.also == ["Duplicate vectors"]
    assert course[1].distinct_ids[0] <= 700


def test_a_consultation_puts_verdicts_side_by_side_and_names_the_next_remedy(make):
    run, cat = make(clusters() + np.float32(0.5), beta=50.0)

    def consult(one):
        return reports.consult(one, course_of(one), lambda other: reports.diagnose(other, cat) if other.has_result() else None)

    alone = consult(run)
    assert alone.before == alone.run and alone.after is None and alone.next is None
    assert [changes for _, changes in alone.offers] == [{"beta": 0.25}]
    remedy, changes = alone.offers[0]
    queued = runs.new_run(treated_config(run, run.id, remedy, settings_of(run) | changes))
    waiting = consult(run)
    assert waiting.after.run_id == queued.id and waiting.after.verdict == "queued" and waiting.next is None
    fit(queued, cat.embedding_IE)
    for one in (run, queued):  # the same pair from either side
        found = consult(one)
        assert (found.before.run_id, found.after.run_id) == (run.id, queued.id)
        assert (found.before.verdict, found.after.verdict) == ("Over-strong commitment", "Dominant mean")
        assert found.next.remedy.changes == {"normalise": "centre"} and found.course[found.next.base].run_id == queued.id


def test_imported_ids_cannot_be_treated_and_guessed_sizes_are_known(make, tmp_path):
    from tiger.runs import import_run
    run, cat = make(clusters())
    np.save(tmp_path / "ids.npy", run.codes() + np.array([0, 257, 514]))
    imported = import_run.keep(import_ids(tmp_path / "ids.npy", cat), cat)
    found = reports.diagnose(imported, cat)
    assert found.disease == "healthy" and found.signs.sizes_guessed
    assert imported.config.imported.sizes_guessed and runs.find(imported.id).config.imported.sizes_guessed
    with pytest.raises(ValueError, match=r"has no quantizer to train again: its IDs were imported"):
        treat(imported, cat)
    told = replace(imported.config.imported, sizes_guessed=False)
    assert told != imported.config.imported


def test_a_failed_run_is_explained_by_its_vectors_and_treated(make):
    run, cat = make(clusters() * np.float32(1e22), trained=False)
    with pytest.raises(ValueError, match="normalise the embeddings"), np.errstate(over="ignore"):
        fit_into(run, cat.embedding_IE)
    from tiger.core import files
    files.write_json(run.path / "status.json", run.status.but(state="failed").to_json())
    assert reports.diagnose(run, cat).disease == "large_scale"
    with np.errstate(over="ignore"):
        before, after = treat(run, cat)
    assert (before.verdict, before.distinct_ids, after.verdict) == ("Embedding scale too large", None, "Healthy")


def test_quantizers_without_an_order_of_levels_are_examined_as_such(make):
    run, cat = make(clusters())
    q = quantizers.create("lsh", n_codes=64).fit(cat.embedding_IE)
    lsh = runs.new_run({"dataset": run.config.dataset, "quantizer": {"name": "lsh", "params": {"n_codes": 64}}})
    np.save(lsh.path / "codes.npy", q.encode(cat.embedding_IE))
    found = reports.diagnose(lsh, cat)
    assert found.disease == "healthy" and not found.signs.ordered and reports.diagnose(run, cat).signs.ordered
    assert "each is judged by itself" in found.evidence[-1]
