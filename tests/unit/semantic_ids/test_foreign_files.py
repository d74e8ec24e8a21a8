"""Semantic IDs as other systems write them: lists in Parquet, token styles, records, swapped axes; and what is no file of IDs."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from tests.support.files import refused
from tiger.semantic_ids import SemanticIds, import_ids, read, read_apart

CODES = np.random.default_rng(7).integers(0, 300, (31, 3))  # no square, more rows than levels


def load(path):
    return SemanticIds.load(path).codes_IL


@pytest.mark.parametrize("kind", [pa.list_(pa.int32()), pa.list_(pa.int64(), 3), pa.large_list(pa.uint16()),
                                  pa.list_(pa.string()), pa.list_(pa.large_string())], ids=str)
@pytest.mark.parametrize("column", ["codes", "semantic_ids"])
def test_list_columns_in_parquet(tmp_path, kind, column):
    words = pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)
    rows = [[f"<{'abc'[level]}_{code}>" for level, code in enumerate(row)] if words else row for row in CODES.tolist()]
    table = pa.table({"item": list(range(len(rows))), column: pa.array([*rows[:-1], None], kind)})
    pq.write_table(table, tmp_path / "ids.parquet")
    found = load(tmp_path / "ids.parquet")
    assert (found[:-1] == CODES[:-1]).all() and found[-1].tolist() == [-1, -1, -1]


def test_list_columns_of_unequal_length_are_named(tmp_path):
    pq.write_table(pa.table({"item": [0, 1, 2], "codes": [[1, 2], [3, 4], [5]]}), tmp_path / "ids.parquet")
    refused(lambda: import_ids(tmp_path / "ids.parquet"), r"gives item 2 1 code and the first item 2")


@pytest.mark.parametrize("style", ["<{0}_{1}>", "<|{0}_{1}|>", "<s_{0}_{1}>", "{0}_{1}", "<|s_{0}_{1}|>", "[{0}_{1}]",
                                   "<level_{2}_{1}>"])
@pytest.mark.parametrize("joint", [None, "", " "])
def test_token_styles(tmp_path, style, joint):
    if joint == "" and style == "{0}_{1}":
        joint = "-"
    rows = {str(item): [style.format("abc"[level], code, level) for level, code in enumerate(row)]
            for item, row in enumerate(CODES.tolist())}
    written = rows if joint is None else {key: joint.join(row) for key, row in rows.items()}
    (tmp_path / "index.json").write_text(json.dumps(written))
    assert (load(tmp_path / "index.json") == CODES).all()


def test_tokens_between_marks_of_begin_and_end(tmp_path):
    (tmp_path / "ids.csv").write_text("item,sid\n0,<|sid_begin|><s_a_340><s_b_6566><s_c_5603><|sid_end|>\n"
                                      "1,<|sid_begin|><s_a_7><s_b_12><s_c_9><|sid_end|>\n")
    assert load(tmp_path / "ids.csv").tolist() == [[340, 6566, 5603], [7, 12, 9]]


def test_tokens_in_columns_of_their_own(tmp_path):
    (tmp_path / "ids.csv").write_text("item,code_1,code_2\n0,a_1,<|b_2|>\n1,a_3,<|b_4|>\n")
    assert load(tmp_path / "ids.csv").tolist() == [[1, 2], [3, 4]]


def records(codes_IL):
    return [{"item": item, "codes": row, "title": f"Thing {item}"} for item, row in enumerate(codes_IL.tolist())]


@pytest.mark.parametrize("text", [
    lambda: json.dumps(records(CODES)), lambda: "\n".join(map(json.dumps, records(CODES))),
    lambda: "\n".join(json.dumps({str(item): row}) for item, row in enumerate(CODES.tolist())),
    lambda: json.dumps({str(item): {"semantic_id": row} for item, row in enumerate(CODES.tolist())}),
    lambda: json.dumps({"item": list(range(31)), "codes": CODES.tolist()}),
    lambda: json.dumps([{"item": item, "code_1": a, "code_2": b, "code_3": c} for item, (a, b, c) in enumerate(CODES.tolist())]),
    lambda: pd.DataFrame({"item": range(31), "code_1": CODES[:, 0], "code_2": CODES[:, 1], "code_3": CODES[:, 2]}).to_json(),
], ids=["records", "lines", "pairs a line", "object of records", "columns", "a field a level", "pandas"])
@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_records(tmp_path, text, suffix):
    path = tmp_path / f"ids.{suffix}"
    path.write_text(text())
    if suffix == "json" or text().count("\n"):
        assert (load(path) == CODES).all()


@pytest.mark.parametrize(("text", "words"), [
    ('[{"item": 0, "codes": [1, 2]}, {"item": 1}, {"item": 2, "codes": [3, 4]}]', None),
    ('[{"item": 0, "codes": [1], "codes": [2]}]', r"gives codes twice in record 0"),
    ('[{"item": 0, "title": "a"}]', r"has the columns item, title; name the codes code_1"),
    ('{"item": [0, 1, 2], "codes": [[1], [2]]}', r"columns of unequal length \(item 3, codes 2\)"),
    ('{"item": 0, "codes": [1]}\n{"item": 1, "co', r"damaged or not JSON at line 2"),
])
def test_records_that_lack_something(tmp_path, text, words):
    path = tmp_path / "ids.json"
    path.write_text(text)
    if words is None:
        assert load(path).tolist() == [[1, 2], [-1, -1], [3, 4]]
    else:
        refused(lambda: import_ids(path), words)


@pytest.mark.parametrize("n_items", [17, 5000])
def test_swapped_axes_are_seen_and_said(tmp_path, n_items):
    codes_IL = np.random.default_rng(0).integers(0, 64, (n_items, 4))
    np.save(tmp_path / "ids.npy", codes_IL.T)
    save_file({"codes": np.ascontiguousarray(codes_IL.T)}, tmp_path / "ids.safetensors")
    for name in ("ids.npy", "ids.safetensors"):
        found = import_ids(tmp_path / name)
        assert (found.ids.codes_IL == codes_IL).all()
        assert f"read as 4 levels of {n_items:,} items" in " ".join(found.report.sentences())


@pytest.mark.parametrize(("name", "words"), [
    ("ids.pt", r"can run code when it is read, and is never opened; convert the codes .* torch.load\('ids.pt'.*load 'ids.npy'"),
    ("ids.pkl", r"can run code when it is read.*numpy.save\('ids.npy'"), ("ids.npz", r"numpy archive.*load 'ids.npy'"),
    ("ids.xlsx", r"ends in '.xlsx'; IDs are read from .json, .jsonl, .npy")])
def test_files_that_run_code_are_never_opened(tmp_path, name, words):
    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "was-run"), "w")

    import pickle
    (tmp_path / name).write_bytes(pickle.dumps(Evil()))
    refused(lambda: import_ids(tmp_path / name), words)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize(("text", "words"), [
    ("item_id,title,year,stars\n1,Alien,1979,5\n2,Brazil,1985,4\n3,Clue,1985,3\n",
     r"looks like an ordinary table, with numbers in year, stars, and has no codes"),
    ("user_id,item_id,rating,timestamp\n1,2,3,4\n5,6,3,8\n9,1,2,3\n", r"looks like a table of interactions"),
    ("movieId,imdbId,tmdbId\n1,114709,862\n2,113497,8844\n3,113228,15602\n", r"ordinary table, with numbers in imdbId, tmdbId"),
])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_ordinary_table_is_no_file_of_ids(tmp_path, text, words, suffix):
    (tmp_path / "t.csv").write_text(text)
    if suffix == "parquet":
        pd.read_csv(tmp_path / "t.csv").to_parquet(tmp_path / "t.parquet", index=False)
    refused(lambda: import_ids(tmp_path / f"t.{suffix}"), words)


@pytest.mark.parametrize("separator", [";", "|", "\t"])
def test_another_separator_is_seen(tmp_path, separator):
    (tmp_path / "ids.csv").write_text("\n".join(separator.join(row) for row in (
        ["item", "code_1", "code_2"], ["1", "2", "3"], ["0", "4", "5"])))
    assert load(tmp_path / "ids.csv").tolist() == [[4, 5], [2, 3]]


def test_one_rule_for_ids(tmp_path, tiny):
    """12.0 is 12 in every format; 1.0 beside 1.1 is a version."""
    tiny.items["item_id"] = ["10", "11", "12", "13", "14", "15"]
    (tmp_path / "a.csv").write_text("item_id,code_1\n11.0,1\n10.0,2\n")
    (tmp_path / "b.json").write_text(json.dumps([{"item_id": 11.0, "codes": [1]}, {"item_id": 10.0, "codes": [2]}]))
    pd.DataFrame({"item_id": ["11.0", "10.0"], "code_1": [1, 2]}).to_parquet(tmp_path / "c.parquet")
    for name in ("a.csv", "b.json", "c.parquet"):
        assert import_ids(tmp_path / name, tiny, align="item_id").ids.codes_IL[:2].tolist() == [[2], [1]], name
    tiny.items["item_id"] = ["1.0", "1.1", "12", "13", "14", "15"]
    (tmp_path / "a.csv").write_text("item_id,code_1\n1.1,1\n1.0,2\n")
    assert import_ids(tmp_path / "a.csv", tiny).ids.codes_IL[:2].tolist() == [[2], [1]]


@pytest.mark.parametrize(("name", "content", "words"), [
    ("ids.csv", b"PK\x03\x04" + bytes(60), r"'ids.csv' is compressed, not plain text: it is a zip archive; unpack it"),
    ("ids.csv", b"PK\x03\x04" + b"[Content_Types].xml" + bytes(60), r"an Excel workbook; save the sheet as CSV"),
    ("ids.csv", b"PAR1" + bytes(60), r"a Parquet file; let its name end in .parquet"),
    ("ids.tsv", b"item_id\tcode_1\nx\0\t1\n", r"line 2, holds a NUL byte"),
    ("ids.csv", b"item_id,code_1\ncaf\xe9,1\n", r"line 2, is not UTF-8; save the file as UTF-8\.$"),
])
def test_the_likely_cause_speaks_first(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    refused(lambda: import_ids(tmp_path / name), words)


def test_reading_apart_gives_the_same(tmp_path, tiger_home, monkeypatch):
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(tmp_path))
    (tmp_path / "ids.jsonl").write_text("\n".join(map(json.dumps, records(CODES))))
    np.save(tmp_path / "ids.npy", CODES.T)
    SemanticIds.from_codes(CODES, 300).save(tmp_path / "ids.safetensors")
    for name in ("ids.jsonl", "ids.npy", "ids.safetensors"):
        here, apart = read(tmp_path / name), read_apart(tmp_path / name)
        assert (here.codes_NL == apart.codes_NL).all()
        assert (here.keys is None) == (apart.keys is None) and (here.keys is None or (here.keys == apart.keys).all())
        for field in ("key_kind", "n_codes", "n_levels", "notes"):
            assert getattr(here, field) == getattr(apart, field)
