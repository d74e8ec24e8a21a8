"""What files take for granted: a last token that only counts collisions, tokens with an offset a level."""

import json

import numpy as np
import pandas as pd
import pytest

from tiger import datasets, reports, runs
from tiger.cli import main as cli
from tiger.datasets.catalogue import Catalogue
from tiger.runs import import_run
from tiger.semantic_ids import SemanticIds, conventions, id_table, import_ids, index_json, parquet_bytes


def places(codes_IL: np.ndarray) -> np.ndarray:
    """0, 1, 2 .. for the items of each ID, in item order, by a loop."""
    seen: dict[tuple[int, ...], int] = {}
    found = []
    for row in map(tuple, codes_IL.tolist()):
        found.append(seen.get(row, 0))
        seen[row] = found[-1] + 1
    return np.array(found)


def sick(n_items: int = 300, n_codes: int = 4) -> np.ndarray:
    """Two levels of four codes for 300 items: at most sixteen IDs."""
    return np.random.default_rng(0).integers(0, n_codes, (n_items, 2))


def index(path, ids_IM):
    path.write_text(json.dumps({str(item): [f"<{'abcd'[level]}_{code}>" for level, code in enumerate(row)]
                                for item, row in enumerate(ids_IM.tolist())}))
    return path


def test_a_last_token_that_counts_collisions_is_no_code(tmp_path):
    codes_IL = sick()
    file = index(tmp_path / "index.json", np.column_stack([codes_IL, places(codes_IL)]))
    found = import_ids(file)
    assert found.report.assumed.collision == "counts"
    assert (found.ids.codes_IL == codes_IL).all() and found.ids.has_collision_level
    assert found.report.collisions.collided_items == 300
    said = " ".join(found.report.sentences())
    assert "The last of 3 codes counts 0, 1, 2 .." in said and "collision_token='no'" in said
    asked = import_ids(file, collision_token="no")
    assert asked.ids.n_levels == 3 and asked.report.collisions.collided_items == 0 and not asked.report.assumed.collision


@pytest.mark.parametrize("start", [0, 1])
def test_the_count_may_begin_at_one_and_in_any_order(start):
    codes_IL = sick()
    ids_IM = np.column_stack([codes_IL, places(codes_IL) + start])[np.random.default_rng(1).permutation(300)]
    assert conventions.counts_collisions(ids_IM)
    broken_IM = ids_IM.copy()
    broken_IM[broken_IM[:, 2].argmax(), 2] += 3  # one place is left out
    assert not conventions.counts_collisions(broken_IM)


def test_codes_are_no_count():
    rng = np.random.default_rng(2)
    assert not conventions.counts_collisions(rng.integers(0, 256, (5000, 3)))
    unique_IL = np.unique(rng.integers(0, 64, (400, 3)), axis=0)
    assert not conventions.counts_collisions(unique_IL)
    assert not conventions.counts_collisions(np.array([[1, 0], [2, 0], [3, 0]]))  # three rows tell nothing
    assert not conventions.counts_collisions(np.arange(50)[:, None])


def clusters(n_items: int = 2000) -> Catalogue:
    """A hundred clusters of twenty items on a circle."""
    angle = np.repeat(np.arange(100) * 2 * np.pi / 100, n_items // 100)
    place = np.tile(np.arange(n_items // 100), 100)
    radius = 1 + 0.001 * place
    items = pd.DataFrame({"item_id": [f"i{n}" for n in range(n_items)], "title": "", "text": "", "category": ""})
    return Catalogue("ring", items, np.array([0]), np.array([], np.int64), [],
                     np.column_stack([radius * np.cos(angle), radius * np.sin(angle), 0.01 * place]).astype(np.float32))


def test_a_last_token_without_meaning_is_no_code(tmp_path):
    cat = clusters()
    cluster_I, place_I = np.arange(2000) // 20, np.arange(2000) % 20
    pair_I2 = np.column_stack([cluster_I // 10, cluster_I % 10])
    rng = np.random.default_rng(3)
    token_I = np.concatenate([rng.permutation(64)[:20] for _ in range(100)])  # different in each bucket, at random
    theirs = import_ids(index(tmp_path / "index.json", np.column_stack([pair_I2, token_I])), cat)
    assert theirs.report.assumed.collision == "uninformative"
    assert theirs.report.collisions.collided_items == 2000
    assert (theirs.ids.ids_IM[:, 2] == token_I).all()  # what made the IDs unique stays what does
    wide_I = np.column_stack([cluster_I // 20, place_I // 4, 3 * (np.arange(2000) // 20 % 20 * 4 + place_I % 4)])
    real = import_ids(index(tmp_path / "real.json", wide_I), cat)
    assert real.report.assumed.collision == "" and real.ids.n_levels == 3


@pytest.mark.shared_data
def test_codes_of_letter_are_codes(shared_data):
    """LETTER makes its IDs unique at the last level, which still tells of the neighbours."""
    cat = datasets.load("recbole", path=str(shared_data / "amazon-beauty"))
    file = shared_data / "letter-beauty" / "Beauty.index.json"
    found = import_ids(file, cat)
    assert found.report.assumed.collision == "" and found.ids.n_levels == 4
    rng = np.random.default_rng(0)
    codes_IL = found.ids.codes_IL[:, :3]
    size = places(codes_IL)
    assert size.max() < 200
    token_I = (size + rng.integers(0, 256, 4096)[metric_rows(codes_IL)]) % 256  # counts on from a random start in each bucket
    assert conventions.tells_nothing(np.column_stack([codes_IL, token_I]), cat.embedding_IE)


def metric_rows(codes_IL: np.ndarray) -> np.ndarray:
    """A number an ID, folded to 4096."""
    return np.unique(codes_IL, axis=0, return_inverse=True)[1].reshape(-1) % 4096


def test_our_own_export_of_a_sick_run_comes_back_sick(tmp_path, tiger_home):
    cat = datasets.load("synthetic")
    rng = np.random.default_rng(0)
    codes_IL = np.column_stack([rng.integers(0, 3, 2000), rng.integers(0, 5, 2000), rng.integers(0, 2, 2000)])
    ids = SemanticIds.from_codes(codes_IL, 256)
    before = reports.examine(codes_IL, [256] * 3, cat.embedding_IE)
    assert not before.healthy
    (tmp_path / "index.json").write_text(index_json(ids))
    (tmp_path / "ids.parquet").write_bytes(parquet_bytes(ids, cat))
    id_table(ids, cat).to_csv(tmp_path / "ids.csv", index=False)
    ids.save(tmp_path / "ids.safetensors")
    for name in ("index.json", "ids.parquet", "ids.csv", "ids.safetensors"):
        back = import_ids(tmp_path / name, cat, n_codes=256)
        assert (back.ids.codes_IL == codes_IL).all() and (back.ids.ids_IM == ids.ids_IM).all(), name
        run = import_run.keep(back, cat)
        found = reports.diagnose(run, cat)
        assert (found.disease, found.healthy) == (before.disease, False), name


@pytest.mark.parametrize(("shift", "offset"), [((0, 256, 512), (0, 256, 512)), ((1, 257, 513), (1, 257, 513)),
                                               ((0, 257, 513), (0, 257, 513)), ((3, 259, 515), (3, 259, 515)),
                                               ((1, 1, 1), (1, 1, 1))])
def test_offsets_are_subtracted_and_said(tmp_path, shift, offset):
    codes_IL = np.random.default_rng(0).integers(0, 256, (4000, 3))
    np.save(tmp_path / "ids.npy", codes_IL + np.array(shift))
    found = import_ids(tmp_path / "ids.npy")
    assert found.report.n_codes == [256] * 3 and (found.ids.codes_IL == codes_IL).all()
    assert found.report.assumed.offset_L == offset
    assert (f"offset a level ({', '.join(map(str, offset))})" in " ".join(found.report.sentences())) == any(offset)
    given = import_ids(tmp_path / "ids.npy", n_codes=256)
    assert given.report.n_codes == [256] * 3 and not given.report.guessed
    as_they_are = import_ids(tmp_path / "ids.npy", n_codes=1024)  # sizes that hold the codes as they stand
    assert (as_they_are.ids.codes_IL == codes_IL + np.array(shift)).all()


def test_offsets_and_a_count_together(tmp_path):
    codes_IL = sick(500, 6)
    ids_IM = np.column_stack([codes_IL, places(codes_IL)])
    found = import_ids(index(tmp_path / "index.json", ids_IM + np.array([0, 256, 512])))
    assert found.report.assumed.offset_L == (0, 256, 512) and found.report.assumed.collision == "counts"
    assert (found.ids.ids_IM == ids_IM).all()


def test_plain_codes_have_no_offset():
    rng = np.random.default_rng(0)
    assert conventions.offsets(rng.integers(0, 256, (4000, 3))) == (0, 0, 0)
    assert conventions.offsets(np.column_stack([rng.integers(0, 4, 4000), rng.integers(8, 256, 4000)])) == (0, 8)
    assert conventions.offsets(np.array([[1, 2], [1, 3]])) == (0, 0)  # two rows tell nothing


def test_a_guessed_size_is_no_evidence_of_starvation(tmp_path, tiger_home, capsys):
    """70 of 128 guessed codes are used at every level; with the true size all are."""
    cat = datasets.load("synthetic")
    order_N = np.argsort(cat.embedding_IE[:, 0])
    rank_I = np.empty(2000, np.int64)
    rank_I[order_N] = np.arange(2000)
    codes_IL = np.column_stack([rank_I * 70 // 2000, rank_I % 70, (rank_I * 11) % 70])
    file = index(tmp_path / "index.json", codes_IL)
    run = import_run.keep(import_ids(file, cat), cat)
    assert run.config.imported is not None and run.config.imported.sizes_guessed
    assert reports.diagnose(run, cat).disease != "level_starvation"
    assert cli.main(["doctor", str(file), "--n-codes", "70", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["disease"] != "level_starvation"


def test_the_command_line_takes_the_token_and_says_it(tmp_path, tiger_home, capsys):
    codes_IL = np.random.default_rng(0).integers(0, 9, (2000, 2))
    file = index(tmp_path / "index.json", np.column_stack([codes_IL, places(codes_IL)]))
    assert cli.main(["ids", "import", str(file), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "taken for the collision token" in said and "--collision-token no" in said and "collision_token=" not in said
    assert cli.main(["ids", "import", str(file), "--collision-token", "no", "--json"]) == 0
    run = runs.find(json.loads(capsys.readouterr().out)["run"])
    assert run.codes().shape == (2000, 3)


def test_a_token_must_stand_behind_codes(tmp_path):
    np.save(tmp_path / "ids.npy", np.arange(7)[:, None])
    with pytest.raises(ValueError, match=r"has one code an item, so there is no collision token"):
        import_ids(tmp_path / "ids.npy", collision_token="yes")
    with pytest.raises(ValueError, match=r"collision_token is 'perhaps', but must be one of auto, yes, no"):
        import_ids(tmp_path / "ids.npy", collision_token="perhaps")
