"""A run's collisions as frames and sentences: what each kind of run can tell, and remedies that were trained."""

import json
import shutil

import numpy as np
import pytest

from tests.support import recording
from tests.support.training import clusters, fit_into
from tiger import datasets, metrics, quantizers, runs
from tiger.datasets import registry
from tiger.recording import checkpoint
from tiger.reports import collisions as reports
from tiger.reports.codes import codes_at, quantizer_of
from tiger.runs import artifacts, import_run
from tiger.semantic_ids import import_ids

pytestmark = pytest.mark.thorough

SMALL = {"n_codes": 8, "n_levels": 3, "hidden": "32", "latent_width": 8, "batch_size": 256, "n_steps": 120}


def explained(run: runs.Run, step: int | None = None) -> tuple[reports.Explained, list[reports.Outcome]]:
    codes = codes_at(run, datasets.load_ref(run.config.dataset), step)
    geometry, reason = reports.geometry_of(codes, quantizer_of(run))
    return reports.explain(codes, geometry, reason), reports.at_once(codes, geometry)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with a small RQ-VAE of 500 vectors, 20 of them copies; far too few codes."""
    folder = tmp_path_factory.mktemp("collisions")
    emb_IE = clusters(500, 12)
    emb_IE[480:] = emb_IE[:20]
    np.save(folder / "x.npy", emb_IE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(folder / "home"))
        run = runs.new_run({"dataset": registry.vectors_alone(str(folder / "x.npy")), "title": "small",
                            "quantizer": {"name": "rqvae", "params": SMALL}})
        return folder / "home", fit_into(run, emb_IE).id


@pytest.fixture
def run(made, tiger_home):
    """That run, in a copy of its workspace."""
    shutil.copytree(made[0], tiger_home)
    return runs.find(made[1])


def test_each_shared_id_has_its_row_and_the_walk_agrees(run):
    found, outcomes = explained(run)
    codes_IL, q = run.codes(), run.quantizer()
    _, count = np.unique(codes_IL, axis=0, return_counts=True)
    assert found.frame["items"].tolist() == sorted(count[count > 1].tolist(), reverse=True) and not found.unseen
    surplus = len(codes_IL) - len(count)
    assert found.causes["surplus"].sum() == surplus == outcomes[0].left.collisions.n_items - outcomes[0].left.collisions.unique
    assert f"{surplus:,} ({surplus / 500:.1%}) would need another ID: " in found.summary
    assert "20 copy another's vector" in found.summary
    row = found.frame.dropna(subset="level").iloc[0]
    level, item = int(row["level"]) - 1, int(row["item_moved"])
    trace = q.trace(datasets.load_ref(run.config.dataset).embedding_IE[[item]])
    square_K = np.square(q.codebooks()[level] - trace["residual"][0, level]).sum(1)
    own, second = np.argsort(square_K)[:2]
    assert (own, second) == (codes_IL[item, level], row["next_code"])
    assert row["cost"] == pytest.approx(square_K[second] - square_K[own], rel=1e-3)
    assert row["relative"] == pytest.approx(row["cost"] / trace["error"][0, level], rel=1e-3)
    assert outcomes[0].left.error == pytest.approx(run.recon_error()[:, -1].sum() / run.recon_error()[:, 0].sum(), rel=1e-4)


def test_where_sinkhorn_would_take_minutes_the_command_is_named(run):
    codes = codes_at(run, datasets.load_ref(run.config.dataset))
    geometry, _ = reports.geometry_of(codes, quantizer_of(run))
    n_cells = metrics.collisions(codes.codes_IL).collided_items * 8
    assert reports.at_once(codes, geometry, n_cells)[-1].left is not None
    last = reports.at_once(codes, geometry, n_cells - 1)[-1]
    assert last.left is None and last.reason.endswith(f"python -m tiger collisions {run.id}")


def test_the_group_of_an_item_and_its_levels(run):
    found, _ = explained(run)
    items = found.groups.items(2)
    card = reports.group_card(found, int(items[1]))
    assert card.items["item"].tolist() == items.tolist() and card.semantic_id == found.frame["semantic_id"].iloc[2]
    assert card.levels is not None and card.levels["level"].tolist() == [1, 2, 3]
    assert card.levels["relative"].min() <= found.frame["relative"].iloc[2] + 1e-12
    alone = next(item for item in range(500) if found.groups.group_of(item) is None)
    assert reports.group_card(found, alone).number == 0 == reports.group_card(found, None).number
    copies = found.frame.index[found.frame["cause"] == "identical vectors"]
    if len(copies):
        card = reports.group_card(found, int(found.groups.items(int(copies[0]))[0]))
        assert card.summary.startswith("Identical vectors: no quantizer") and card.items["cosine"].tolist() == pytest.approx(
            [1] * len(card.items), abs=1e-6)


def test_what_cannot_be_seen_is_said_with_what_to_give(run, tmp_path):
    found, outcomes = explained(run, run.snapshots()[0])
    assert found.unseen == (reports.OTHER_STEP,) and found.parting is None and "level" not in found.frame
    cat = datasets.load_ref(run.config.dataset)
    index = {str(item): [f"<{'abc'[at]}_{code}>" for at, code in enumerate(row)] for item, row in enumerate(run.codes().tolist())}
    (tmp_path / "index.json").write_text(json.dumps(index))
    theirs, outcomes = explained(import_run.keep(import_ids(tmp_path / "index.json", cat), cat, "theirs"))
    assert "tiger external read codebooks.safetensors" in theirs.unseen[0]
    assert theirs.frame["cosine"].tolist() == explained(run)[0].frame["cosine"].tolist()
    assert [one.left is None for one in outcomes] == [False, False, True, True]
    assert reports.outcomes_frame(outcomes)["surplus"].isna().tolist() == [False, False, True, True]
    lsh = runs.new_run({"dataset": run.config.dataset, "title": "lsh", "quantizer": {
        "name": "lsh", "params": {"n_levels": 2, "n_codes": 8}}})
    artifacts.write_result(lsh, quantizers.create("lsh", n_levels=2, n_codes=8).fit(cat.embedding_IE),
                           cat.embedding_IE, 1)
    assert explained(lsh)[0].unseen == (reports.NO_VECTORS,)
    assert [remedy.changes for remedy in reports.remedies_of(lsh)] == [{"n_codes": 16}, {"n_levels": 3}]


def test_codebooks_of_a_checkpoint_tell_as_much_as_a_run_of_our_own(run, tiger_home):
    cat, q = datasets.load_ref(run.config.dataset), run.quantizer()
    latent_IZ = q.latent(cat.embedding_IE)
    np.save(tiger_home / "latents.npy", latent_IZ)
    vectors = datasets.load_ref(registry.vectors_alone(str(tiger_home / "latents.npy")))
    theirs, outcomes = explained(checkpoint.keep(q.codebooks(), vectors))
    own, measured = explained(run)
    for name in ("semantic_id", "items", "level", "next_code"):
        assert theirs.frame[name].tolist() == own.frame[name].tolist()
    assert [one.left.collisions for one in outcomes] == [one.left.collisions for one in measured]


def test_a_recording_without_codebooks_says_what_to_log_and_other_codes_are_noticed(tiger_home):
    codes_IL = np.random.default_rng(0).integers(0, recording.N_CODES, (90, 3))
    rec = recording.recorder()
    rec.close(codes=codes_IL)
    assert "close(codes=codes, latents=z)" in explained(rec.run)[0].unseen[0]
    rec = recording.recorder()
    books = [np.random.default_rng(1).normal(size=(size, 12)).astype(np.float32) for size in recording.N_CODES]
    rec.close(codes=codes_IL, latents=recording.vectors(), codebooks=books)
    found = explained(rec.run)[0]
    assert "of these items have the nearest code at every level" in found.unseen[0] and found.parting.cost_NL.min() < 0
    assert not reports.remedies_of(rec.run)


def test_trained_remedies_are_found_by_their_settings_and_measured(run):
    cat = datasets.load_ref(run.config.dataset)
    offered = list(reports.trained(run, cat))
    assert [(one.run, one.left, one.reason) for one in offered] == [(None, None, "not trained yet")] * 3
    changes = [{name: value for name, value in one.config.quantizer.params.items() if run.config.quantizer.params[name] != value}
               for one in offered]
    assert changes == [{"koleo": 1.0}, {"n_codes": 16}, {"n_levels": 4}]
    made = fit_into(runs.new_run(offered[1].config), cat.embedding_IE)
    found = list(reports.trained(run, cat))
    assert found[1].run.id == made.id and found[1].left.collisions == metrics.collisions(made.codes())
    assert found[1].left.error == pytest.approx(made.recon_error()[:, -1].sum() / made.recon_error()[:, 0].sum(), rel=1e-4)
    assert found[0].run is None and found[2].run is None
    deeper = fit_into(runs.new_run(found[2].config), cat.embedding_IE)
    assert list(reports.trained(run, cat))[2].left.collisions == metrics.collisions(deeper.codes())
    assert offered[0].title == "Spread the latent vectors (KoLeo)"
    spread = runs.new_run(offered[0].config)
    assert (reports.remedies_of(spread)[0].title, reports.remedies_of(spread)[0].changes) == (
        "Raise the weight of KoLeo to 2", {"koleo": 2.0})
    again = reports.remedies_of(made)
    assert [remedy.changes for remedy in again] == [{"koleo": 1.0}, {"n_codes": 32}, {"n_levels": 4}]


@pytest.mark.parametrize("name", [name for name, kind in quantizers.REGISTRY.items() if kind is not quantizers.REGISTRY["rqvae"]])
def test_every_quantizer_with_vectors_can_be_explained(run, name):
    """Their codes are the nearest of their own codebooks, whether or not levels refine each other."""
    cat = datasets.load_ref(run.config.dataset)
    params = {"n_codes": 8, **({"n_levels": 2} if name != "vqvae" else {})}
    params |= {"n_steps": 20, "hidden": "16", "batch_size": 256} if name in ("vqvae", "fsq") else {}
    made = runs.new_run({"dataset": run.config.dataset, "title": name, "quantizer": {"name": name, "params": params}})
    q = quantizers.create(name, **params).fit(cat.embedding_IE)
    artifacts.write_result(made, q, cat.embedding_IE, 1)
    found, outcomes = explained(made)
    if q.codebooks() is None:
        assert found.unseen == (reports.NO_VECTORS,)
        return
    assert not found.unseen and len(found.groups)
    now, _, extra, balanced = (one.left for one in outcomes)
    assert extra.error < now.error and balanced.collisions.unique >= now.collisions.unique < extra.collisions.unique


def test_no_collisions_no_table(run):
    np.save(run.path / "codes.npy", np.stack(np.unravel_index(np.arange(500), (8, 8, 8)), 1).astype(np.int32))
    found, outcomes = explained(run)
    assert found.summary == "All 500 items have a unique ID." and found.frame.empty and not found.unseen
    with pytest.raises(ValueError, match="No two items share"):
        reports.group_card(found, 3)
    assert reports.outcomes_summary(outcomes) == ""
