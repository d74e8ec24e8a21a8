"""Import: what other systems write is read, lined up and reported; what is broken is refused in one sentence."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from tiger import datasets
from tiger.datasets.catalogue import Catalogue
from tiger.semantic_ids import SemanticIds, first_appearance, fits, id_table, import_ids, index_json, raw, readers

CODES = np.array([[0, 1, 2], [0, 1, 3], [3, 0, 0], [1, 1, 1], [2, 2, 2], [0, 0, 1]])


def write(path: Path, codes_IL: np.ndarray, keys: list[str] | None = None) -> Path:
    """Codes in the format of the suffix, the way another system would write them."""
    frame = pd.DataFrame(codes_IL, columns=[f"code_{level + 1}" for level in range(codes_IL.shape[1])])
    if keys is not None:
        frame.insert(0, "item_id", keys)
    if path.suffix == ".json":
        rows = [[f"<{'abcd'[level]}_{code}>" for level, code in enumerate(row)] for row in codes_IL.tolist()]
        path.write_text(json.dumps(dict(zip(keys or map(str, range(len(rows))), rows, strict=True))))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps({"codes": row} | ({"item_id": keys[place]} if keys else {}))
                                  for place, row in enumerate(codes_IL.tolist())))
    elif path.suffix == ".npy":
        np.save(path, codes_IL.astype(np.int32))
    elif path.suffix == ".safetensors":
        save_file({"codes": codes_IL.astype(np.int32)}, path)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


@pytest.mark.parametrize("suffix", readers.SUFFIXES)
def test_every_format_gives_the_same_ids(tmp_path, suffix, tiny):
    found = import_ids(write(tmp_path / f"ids{suffix}", CODES), tiny)
    assert found.ids.codes_IL.tolist() == CODES.tolist()
    assert found.report.align == "number" and not len(found.report.gap_N) and not found.report.n_strangers
    assert found.ids.n_codes == [4, 4, 4]  # the next power of two above the largest code


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv", ".tsv", ".parquet"])
def test_item_ids_line_rows_up_with_the_catalogue(tmp_path, suffix, tiny):
    keys = ["s2", "c1", "unheard-of", "c3", "c2", "s1"]
    found = import_ids(write(tmp_path / f"ids{suffix}", CODES, keys), tiny)
    order = {"c1": 1, "c2": 4, "c3": 3, "s1": 5, "s2": 0}  # the rows by hand
    assert found.ids.codes_IL[:5].tolist() == [CODES[row].tolist() for row in order.values()]
    assert found.ids.codes_IL[5].tolist() == [-1, -1, -1]
    report = found.report
    assert (report.align, report.gap_N.tolist(), report.strangers) == ("item_id", [5], ["unheard-of"])
    said = " ".join(report.sentences())
    assert "5 of 6 items have an ID of 3 codes, matched by item id" in said
    assert "1 item has no ID (item number 5)" in said
    assert "(unheard-of) and was dropped" in said


def test_numbers_beyond_the_catalogue_are_strangers(tmp_path, tiny):
    found = import_ids(write(tmp_path / "ids.json", CODES[:3], ["0", "5", "6"]), tiny)
    assert found.report.strangers == ["6"]
    assert found.report.gap_N.tolist() == [1, 2, 3, 4]
    assert found.ids.codes_IL[5].tolist() == CODES[1].tolist()


def test_numbering_by_first_appearance(tmp_path, tiny):
    tiny.history_items = np.array([4, 2, 4, 0, 2, 5])
    tiny.indptr_U1 = np.array([0, 3, 6])
    assert first_appearance(tiny).tolist() == [4, 2, 0, 5]
    found = import_ids(write(tmp_path / "ids.json", CODES), tiny, align="first_appearance")
    assert found.ids.codes_IL[[4, 2, 0, 5]].tolist() == CODES[:4].tolist()
    assert found.report.gap_N.tolist() == [1, 3]
    assert found.report.strangers == ["4", "5"]


def test_codes_per_level_can_be_given_and_are_held_to(tmp_path, tiny):
    path = write(tmp_path / "ids.npy", CODES)
    assert import_ids(path, tiny, n_codes=256).ids.n_codes == [256] * 3
    with pytest.raises(ValueError, match=r"item 2 has code 3 at level 1, but codes there run from 0 to 2"):
        import_ids(path, tiny, n_codes=3)


def test_collisions_get_an_extra_level_and_are_reported(tmp_path):
    found = import_ids(write(tmp_path / "ids.npy", np.array([[1, 1], [1, 1], [0, 1]])))
    assert found.ids.ids_IM.tolist() == [[1, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert "2 items share all their codes" in " ".join(found.report.sentences())


@pytest.mark.parametrize("rows", [
    {"0": "<a_1><b_2>", "1": "<a_0><b_3>"}, {"0": [1, 2], "1": [0, 3]}, [[1, 2], [0, 3]], {"0": "1-2", "1": "0-3"},
])
def test_other_spellings_of_json(tmp_path, rows):
    path = tmp_path / "index.json"
    path.write_text(json.dumps(rows))
    assert SemanticIds.load(path).codes_IL.tolist() == [[1, 2], [0, 3]]


def test_whole_ids_in_one_column(tmp_path, tiny):
    path = tmp_path / "ids.csv"
    pd.DataFrame({"item_id": ["c1", "c2"], "semantic_id": ["<a_1><b_2>", "<a_0><b_3>"]}).to_csv(path, index=False)
    assert import_ids(path, tiny).ids.codes_IL[:2].tolist() == [[1, 2], [0, 3]]
    pd.DataFrame({"codes": [[1, 2], [0, 3]]}).to_parquet(tmp_path / "ids.parquet")
    assert import_ids(tmp_path / "ids.parquet").ids.codes_IL.tolist() == [[1, 2], [0, 3]]


def test_a_table_without_names_is_read_as_codes(tmp_path):
    (tmp_path / "ids.csv").write_text("1;2\n0;3\n")
    assert import_ids(tmp_path / "ids.csv").ids.codes_IL.tolist() == [[1, 2], [0, 3]]


def test_our_own_exports_come_back(tmp_path, tiny):
    ids = SemanticIds.from_codes(np.array([[0, 0], [0, 0], [0, 1], [1, 0], [1, 1], [-1, -1]]), 2)
    (tmp_path / "index.json").write_text(index_json(ids, tiny.items["item_id"].tolist()))
    assert (import_ids(tmp_path / "index.json", tiny).ids.ids_IM == ids.ids_IM).all()
    id_table(ids, tiny).to_parquet(tmp_path / "ids.parquet")
    assert (import_ids(tmp_path / "ids.parquet", tiny).ids.ids_IM == ids.ids_IM).all()


def refused(path: Path, words: str, **options) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        import_ids(path, **options)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


@pytest.mark.parametrize(("text", "words"), [
    ('{"0": ["<a_1>", "<b_2>"], "0": ["<a_1>", "<b_3>"]}',
     r"item 0 two IDs, \(1, 2\) in row 0 and \(1, 3\) in row 1; keep one"),
    ('{"0": ["<a_1>", "<b_2>"], "7": ["<a_1>"]}', r"gives item 7 1 code and the first item 2"),
    ('{"0": ["<a_1>", "<b_2>"], "1": ["<b_1>", "<a_2>"]}', r"mixes the levels a, b at position 1"),
    ('{"0": ["<a_1>", "<b_x>"]}', r"'<b_x>' at level 2 of row 0, but codes are whole numbers or tokens"),
    ('{"0": ["<a_99999999999>"]}', r"has code 1048576 at level 1, but codes are whole numbers from 0 to 1,048,575"),
    ('{"0": [-3]}', r"row 0 has code -2 at level 1"),
    ('{"0": 5}', r"gives item 0 no codes"),
    ('{"0": ["<a_1>"', r"damaged or not JSON at line 1"),
    ('{}', r"must map item numbers to tokens"),
    ('"text"', r"must map item numbers to tokens"),
    ("[" * 200_000, r"damaged or not a json"),
    ('{"format": "tiger-semantic-ids", "ids": [[1]], "n_codes": "many", "n_levels": 1}', r"says n_codes many"),
])
def test_broken_json_is_named(tmp_path, text, words):
    path = tmp_path / "index.json"
    path.write_text(text)
    refused(path, words)


@pytest.mark.parametrize(("text", "words"), [
    ("item_id,code_1,code_2\nc1,1,2\nc2,1,2,3\n", r"ragged or empty"),
    ("item_id,code_1,code_2\nc1,1,2\nc2,1\n", r"row 1 lacks a code; all IDs need 2 levels"),
    ("item_id,code_1\nc1,1.5\n", r"row 0 has code 1.5 at level 1"),
    ("item_id,code_1\nc1,soap\n", r"'soap' at level 1 of row 0"),
    ("name,word\nx,y\n", r"has the columns name, word; name the codes code_1"),
    ("", r"is empty; it should start with a line of column names"),
    ("item_id,code_1\nc1,1\nc1,2\n", r"gives item c1 two IDs, \(1,\) in row 0 and \(2,\) in row 1"),
    ("item_id,code_1\nzz,1\n", r"not even the only item"),
])
def test_broken_csv_is_named(tmp_path, tiny, text, words):
    path = tmp_path / "ids.csv"
    path.write_text(text)
    refused(path, words, catalogue=tiny)


def test_a_wrong_encoding_is_named(tmp_path, tiny):
    for suffix in (".csv", ".json"):
        path = tmp_path / f"ids{suffix}"
        path.write_bytes("item_id,code_1\nSeife für,1\n".encode("latin-1"))
        refused(path, r"not UTF-8", catalogue=tiny)


def test_broken_arrays_are_named(tmp_path):
    path = tmp_path / "ids.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    refused(path, r"Python objects, which are never loaded")
    np.save(path, np.zeros((30, 300), np.int32))
    refused(path, r"300 columns of codes, but at most 16 levels")
    np.save(path, np.zeros(3, np.int32))
    refused(path, r"shape \(3,\), but codes must be \(items, levels\)")
    np.save(path, np.array([[1.0, np.nan]]))
    refused(path, r"row 0 has code nan at level 2")
    np.save(path, np.array([["a"]]))
    refused(path, r"holds <U1, but codes must be whole numbers")
    np.save(path, CODES)
    path.write_bytes(path.read_bytes()[:-20])
    refused(path, r"truncated: \d+ of \d+ bytes are there")
    path.write_bytes(b"nonsense")
    refused(path, r"damaged or not an npy file")


def test_a_header_that_promises_billions_of_rows_is_refused_before_anything_is_allocated(tmp_path):
    path = tmp_path / "ids.npy"
    np.save(path, CODES)
    head = path.read_bytes()
    path.write_bytes(head.replace(b"(6, 3), }          ", b"(60000000000, 3), }"))
    refused(path, r"60,000,000,000 rows, but at most 5,000,000 are read")


def test_broken_safetensors_and_parquet_are_named(tmp_path):
    path = tmp_path / "ids.safetensors"
    save_file({"one": np.zeros((2, 2), np.int32), "two": np.zeros((2, 2), np.int32)}, path)
    refused(path, r"holds one, two; name the table of codes 'codes'")
    path.write_bytes(b"\xff" * 64)
    refused(path, r"damaged or not a safetensors file")
    path = write(tmp_path / "ids.parquet", CODES)
    path.write_bytes(path.read_bytes()[:-30])
    refused(path, r"damaged or not a parquet file")


def test_a_parquet_bomb_is_refused_by_its_own_account(tmp_path, monkeypatch):
    path = tmp_path / "ids.parquet"
    pd.DataFrame({"codes": ["1-2-3" * 50] * 20_000}).to_parquet(path, use_dictionary=False, compression="zstd")
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(raw, "MAX_BYTES", 2**20)
    refused(path, r"unpacks to 5 MB, but at most 2 MB are read")


def test_a_file_over_the_limit_is_not_opened(tmp_path, monkeypatch):
    path = write(tmp_path / "ids.csv", CODES)
    monkeypatch.setattr(raw, "MAX_TEXT_BYTES", 10)
    refused(path, r"MB, but at most 0 MB of csv are read")


def test_unknown_formats_files_and_alignments(tmp_path, tiny):
    refused(tmp_path / "ids.tar", r"ends in '.tar'; IDs are read from .json, .jsonl, .npy")
    refused(tmp_path / "none.csv", r"does not exist")
    path = write(tmp_path / "ids.npy", CODES)
    with pytest.raises(ValueError, match=r"align is 'title', but must be one of number, item_id, first_appearance"):
        import_ids(path, tiny, align="title")
    refused(path, r"cannot be matched by item id without a column item_id", catalogue=tiny, align="item_id")
    with pytest.raises(ValueError, match=r"needs the catalogue"):
        import_ids(path, align="first_appearance")


def test_far_item_numbers_without_a_catalogue_are_refused(tmp_path):
    refused(write(tmp_path / "ids.json", CODES[:2], ["0", "99999999"]), r"counts items up to 99,999,999")


@pytest.mark.thorough
def test_an_upload_of_a_million_rows(tmp_path):
    codes_IL = np.random.default_rng(0).integers(0, 256, (1_000_000, 3))
    np.save(tmp_path / "ids.npy", codes_IL.astype(np.uint8))
    found = import_ids(tmp_path / "ids.npy")
    assert found.report.n_rows == 1_000_000
    assert (found.ids.codes_IL == codes_IL).all()


@pytest.mark.shared_data
def test_letter_beauty_loads_onto_amazon_beauty(shared_data):
    cat = datasets.load("recbole", path=str(shared_data / "amazon-beauty"))
    found = import_ids(shared_data / "letter-beauty" / "Beauty.index.json", cat, align="first_appearance")
    assert found.report.n_rows == 12_101 and not len(found.report.gap_N) and not found.report.n_strangers
    assert found.report.n_codes == [256] * 4
    assert found.ids.codes_IL.shape == (12_101, 4)
    # the other system's interactions say whether its numbers were lined up with the right items
    theirs = json.loads((shared_data / "letter-beauty" / "Beauty.inter.json").read_text())
    order = first_appearance(cat)
    assert all(order[items].tolist() == cat.history(int(user)).tolist() for user, items in theirs.items())
    index = json.loads((shared_data / "letter-beauty" / "Beauty.index.json").read_text())
    assert found.ids.codes_IL[order[4711]].tolist() == [int(token[3:-1]) for token in index["4711"]]


def shelf(n_items: int = 240) -> Catalogue:
    """Items in twelve tight clusters on a circle; people pick them in a shuffled order."""
    angle = np.repeat(np.arange(12) * 2 * np.pi / 12, n_items // 12) + np.tile(np.linspace(0, 0.05, n_items // 12), 12)
    items = pd.DataFrame({"item_id": [f"i{n}" for n in range(n_items)], "title": "", "text": "", "category": ""})
    order = np.random.default_rng(0).permutation(n_items)
    return Catalogue("shelf", items, np.array([0, n_items]), order, ["u"],
                     np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32))


def test_the_codes_themselves_tell_whose_numbering_a_file_uses(tmp_path):
    cat = shelf()
    cluster_I = np.arange(240) // 20
    codes_IL = np.column_stack([cluster_I, np.arange(240) % 20])
    by_number = import_ids(write(tmp_path / "number.npy", codes_IL), cat)
    assert by_number.report.align == "number" and (by_number.ids.codes_IL[:, 0] == cluster_I).all()
    theirs = import_ids(write(tmp_path / "theirs.npy", codes_IL[cat.history_items]), cat)
    assert theirs.report.align == "first_appearance" and (theirs.ids.ids_IM == codes_IL).all()
    one, two = theirs.report.tried
    assert one.recall == 1.0 and one.by_chance == pytest.approx(19 / 239)  # 20 items a cluster, by hand
    assert two.align == "number" and two.recall < 0.2
    assert "100% of true neighbours share their first codes (7.9% by chance)" in " ".join(theirs.report.sentences())
    asked = import_ids(tmp_path / "theirs.npy", cat, align="number")
    assert asked.report.align == "number" and not asked.report.tried


def test_two_numberings_that_come_to_the_same_are_one(tmp_path):
    cat = shelf()
    cat.history_items = np.arange(240)
    report = import_ids(write(tmp_path / "ids.npy", np.arange(480).reshape(240, 2)), cat).report
    assert report.align == "number" and report.tried[0].also == ("first_appearance",) and len(report.tried) == 1
    assert "gives the same result" in " ".join(report.sentences())


def test_codes_that_tell_nothing_leave_plain_numbers(tmp_path):
    report = import_ids(write(tmp_path / "ids.npy", np.random.default_rng(1).integers(0, 4, (240, 2))), shelf()).report
    assert report.align == "number" and [fit.align for fit in report.tried] == ["number", "first_appearance"]


def test_a_million_ids_for_a_small_catalogue_are_strangers(tmp_path):
    codes_IL = np.random.default_rng(0).integers(0, 256, (1_000_000, 3))
    np.save(tmp_path / "ids.npy", codes_IL.astype(np.uint8))
    report = import_ids(tmp_path / "ids.npy", shelf()).report
    assert report.n_strangers == 1_000_000 - 240 and len(report.strangers) == 20


def test_our_own_safetensors_say_how_many_codes_there_are(tmp_path, tiny):
    ids = SemanticIds.from_codes(CODES, 300)
    found = import_ids(ids.save(tmp_path / "ids.safetensors"), tiny)
    assert found.ids.n_codes == [300] * 3 and not found.report.guessed


def wrong_numbers(cat: Catalogue, path: Path, keys: np.ndarray) -> Path:
    """Good codes of the shelf, written under these item numbers."""
    codes_IL = np.column_stack([np.arange(240) // 20, np.arange(240) % 20])
    path.write_text(json.dumps({str(key): codes for key, codes in zip(keys.tolist(), codes_IL.tolist(), strict=True)}))
    return path


def test_a_numbering_that_fits_no_better_than_chance_is_doubted(tmp_path):
    cat = shelf()
    path = wrong_numbers(cat, tmp_path / "ids.json", np.random.default_rng(3).permutation(240))
    report = import_ids(path, cat).report
    assert report.chosen is not None and report.chosen.gain <= 0.02
    assert "these items are numbered differently, or the codes were made from other embeddings" in report.doubt
    assert "column item_id" in report.doubt and report.doubt in report.sentences()
    right = import_ids(wrong_numbers(cat, path, np.arange(240)), cat).report
    assert right.doubt == "" and right.chosen.recall == 1.0
    by_name = import_ids(write(tmp_path / "ids.csv", np.random.default_rng(1).integers(0, 4, (240, 2)),
                               [f"i{n}" for n in range(240)]), cat).report
    assert by_name.align == "item_id" and by_name.doubt == ""  # names leave no numbering to doubt


def test_a_numbering_that_another_beats_is_doubted(tmp_path):
    cat = shelf()
    path = wrong_numbers(cat, tmp_path / "ids.json", np.argsort(cat.history_items))  # theirs: first appearance
    tried = fits(path.name, readers.read(path), cat)
    asked = import_ids(path, cat, "number", tried=tried).report
    assert asked.tried == tried and asked.align == "number"
    assert "but 100.0% do when matched by order of first appearance" in asked.doubt
    assert import_ids(path, cat, "first_appearance", tried=tried).report.doubt == ""


def test_items_may_count_from_one(tmp_path):
    cat = shelf()
    expected = np.column_stack([np.arange(240) // 20, np.arange(240) % 20])
    found = import_ids(wrong_numbers(cat, tmp_path / "ids.json", np.arange(240) + 1), cat)
    assert found.report.align == "number_1" and not found.report.doubt and not found.report.n_strangers
    assert (found.ids.ids_IM == expected).all()
    theirs = import_ids(wrong_numbers(cat, tmp_path / "ids.json", np.argsort(cat.history_items) + 1), cat)
    assert theirs.report.align == "first_appearance_1" and (theirs.ids.ids_IM == expected).all()
    padded = import_ids(write(tmp_path / "ids.npy", np.vstack([[0, 0], expected])), cat)  # row 0 stands for no item
    assert padded.report.align == "number_1" and (padded.ids.ids_IM == expected).all()
    assert [fit.align for fit in import_ids(write(tmp_path / "ids.npy", expected), cat).report.tried] == \
        ["number", "first_appearance"]  # a file with an item 0 does not count from 1


def test_rows_without_an_id_are_no_matches(tmp_path):
    codes_IL = np.column_stack([np.arange(240) // 20, np.arange(240) % 20])
    codes_IL[:30] = -1
    report = import_ids(write(tmp_path / "ids.npy", codes_IL), shelf()).report
    assert report.tried[0].n_matched == 210 and report.tried[0].n_gaps == len(report.gap_N) == 30
