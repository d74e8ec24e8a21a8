"""Tables of IDs: the item's column is known by name, and what could be an item or a code is never guessed."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from tiger.semantic_ids import SemanticIds, import_ids, raw


def table(tmp_path, text, suffix="csv"):
    path = tmp_path / f"ids.{suffix}"
    if suffix == "parquet":
        pd.read_csv(io.StringIO(text)).to_parquet(path, index=False)
    else:
        path.write_text(text.replace(",", "\t") if suffix == "tsv" else text)
    return path


def refused(path, words, catalogue=None):
    with pytest.raises(ValueError, match=words) as caught:
        import_ids(path, catalogue)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("key", ["id", "item", "Item_ID", "ITEM ID", "itemid", "item_id:token", "ASIN", "movie_id", "Index"])
@pytest.mark.parametrize("levels", ["code_1,code_2", "a,b", "code_1:float,code_2:float"])
def test_the_items_column_is_known_by_any_of_its_names(tmp_path, suffix, key, levels):
    path = table(tmp_path, f"{key},{levels}\n2,1,2\n1,3,4\n0,5,6\n", suffix)
    assert SemanticIds.load(path).codes_IL.tolist() == [[5, 6], [3, 4], [1, 2]]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("key", ["parent_asin", "Parent_ASIN", "product_id", "parent_asin:token"])
def test_item_ids_under_another_name_find_their_items(tmp_path, tiny, suffix, key):
    found = import_ids(table(tmp_path, f"{key},code_1,code_2\ns2,1,2\nc1,3,4\n", suffix), tiny)
    assert found.report.align == "item_id"
    order = {item: row for row, item in enumerate(tiny.items["item_id"])}
    assert found.ids.codes_IL[[order["s2"], order["c1"]]].tolist() == [[1, 2], [3, 4]]


def test_both_keys_of_a_review_data_set_mean_the_parent(tmp_path, tiny):
    path = table(tmp_path, "asin,parent_asin,code_1\nzz,c2,1\ncc,c1,2\n")
    assert import_ids(path, tiny).ids.codes_IL[:2].tolist() == [[2], [1]]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(("text", "words"), [
    ("thing,code_1,code_2\n2,1,2\n1,3,4\n", r"also has the column thing, which may be the item or a code; name a column item_id"),
    ("thing,code_1,code_2\nx,1,2\ny,3,4\n", r"also has the column thing"),
    ("item_id,code_1,code_2,last\n2,1,2,9\n1,3,4,9\n", r"also has the column last"),
    ("thing,semantic_id\nx,1-2\ny,3-4\n", r"also has the column thing"),
    ("thing,a,b\nx,1,2\ny,3,4\n", r"also has the column thing"),
    ("item_id,code_1,code_3\n2,1,2\n1,3,4\n", r"columns of codes code_1, code_3, but they must count 1, 2, 3"),
    ("item_id,code_1,level_1\n2,1,2\n1,3,4\n", r"columns of codes code_1, level_1, but"),
    ("x,y,z\n0,1,2\n1,3,2\n2,5,2\n", r"first column 'x' that counts the rows, as item numbers do; name it item_id if"),
    ("x,y\n1,1\n2,3\n", r"first column 'x' that counts the rows"),
    ("x,y\n" + "".join(f"{7 * n % 101},{n % 5}\n" for n in range(40)), r"first column 'x' that differs in every row"),
])
def test_what_may_be_the_item_or_a_code_is_refused(tmp_path, suffix, text, words):
    refused(table(tmp_path, text, suffix), words)


@pytest.mark.parametrize(("text", "words"), [
    ("0,1,2\n1,3,4\n2,5,6\n", r"begins with the line 0, 1, 2, which may be names or codes; begin with a line of names"),
    ("0,7,2\n1,3,4\n2,5,6\n", r"no line of names and a first column that counts the rows"),
    ("B01,7,2\nB02,3,4\n", r"begins with the row B01, 7, 2 and names no columns"),
    ("c1,7,2\nc2,3,4\n", r"begins with the row c1, 7, 2 and names no columns"),
])
def test_a_table_without_names_is_not_guessed(tmp_path, text, words):
    refused(table(tmp_path, text), words)


def test_codes_that_differ_or_count_as_codes_may_are_read(tmp_path):
    same = [[3, 1], [0, 1], [2, 5]]  # a first column of its own in every row, but few rows
    assert SemanticIds.load(table(tmp_path, "x,y\n3,1\n0,1\n2,5\n")).codes_IL.tolist() == same
    rng = np.random.default_rng(0)
    codes_IL = np.column_stack([rng.integers(0, 8, 60), rng.permutation(60)])
    pd.DataFrame(codes_IL, columns=["x", "y"]).to_csv(tmp_path / "ids.csv", index=False)
    assert (SemanticIds.load(tmp_path / "ids.csv").codes_IL == codes_IL).all()
    assert SemanticIds.load(table(tmp_path, "code_1,code_2\n0,1\n1,1\n2,5\n")).codes_IL[:, 0].tolist() == [0, 1, 2]


def test_what_says_more_of_an_item_is_left_alone(tmp_path, tiny):
    path = table(tmp_path, "item_id,title,brand,price,code_1,code_2\nc2,Soap,Dove,3,1,2\nc1,Cream,Nivea,4,3,4\n")
    assert import_ids(path, tiny).ids.codes_IL[:2].tolist() == [[3, 4], [1, 2]]


def test_an_index_of_pandas_is_the_item(tmp_path, tiny):
    frame = pd.DataFrame({"code_1": [1, 3, 5], "code_2": [2, 4, 6]}, index=["c3", "c2", "c1"])
    frame.to_csv(tmp_path / "ids.csv")
    frame.to_parquet(tmp_path / "ids.parquet")
    frame.rename_axis("item_id").to_parquet(tmp_path / "named.parquet")
    for name in ("ids.csv", "ids.parquet", "named.parquet"):
        assert import_ids(tmp_path / name, tiny).ids.codes_IL[:3].tolist() == [[5, 6], [3, 4], [1, 2]]


def test_rows_longer_than_the_header_are_refused(tmp_path, tiny):
    for suffix in ("csv", "tsv"):
        refused(table(tmp_path, "item_id,code_1,code_2\nc1,1,2,3\nc2,4,5,6\n", suffix),
                r"rows have 4 fields, the header 3; name every column", tiny)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(("text", "codes"), [
    ("item_id,code_1,code_2\nc1,1,2\nc2,,\nc3,3,4\n,,\n", [[1, 2], [-1, -1], [3, 4]]),
    ("item_id,code_1,code_2\nc1,,\nc2,<a_1>,<b_2>\nc3,<a_3>,<b_4>\n", [[-1, -1], [1, 2], [3, 4]]),
    ("item_id,semantic_id\nc1,1-2\nc2,\nc3,3-4\n", [[1, 2], [-1, -1], [3, 4]]),
])
def test_a_row_without_any_code_is_an_item_without_an_id(tmp_path, tiny, suffix, text, codes):
    path = table(tmp_path, text, suffix)
    found = import_ids(path, tiny)
    assert found.ids.codes_IL[:3].tolist() == codes
    gaps = [row for row, code in enumerate(codes) if code[0] < 0]
    assert found.report.gap_N.tolist() == [*gaps, 3, 4, 5] and not found.report.n_strangers


@pytest.mark.parametrize(("text", "words"), [
    ("item_id,code_1\nc1,1\n,2\n", r"row 1 has an ID, but no item; name the item or leave the row out"),
    ("item_id,code_1\nc1,\nc2,\n", r"has no code in any row; fill the column code_1"),
    ("item_id,code_1,code_2\nc1,1,2\nc2,,\nc3,3,\n", r"row 2 lacks a code; all IDs need 2 levels, and an item without"),
    ("item_id,code_1\nc1,1\nc2,\nc3,soap\n", r"'soap' at level 1 of row 2"),
    ("item_id,semantic_id\nc1,1-2\nc2,\nc3,1.5-2\n", r"gives item c3 the ID '1.5-2'; write its codes as 1-5-2"),
])
def test_half_filled_rows_are_named_by_their_place(tmp_path, tiny, text, words):
    refused(table(tmp_path, text), words, tiny)


def test_item_ids_that_pandas_stored_as_floats_are_whole_again(tmp_path, tiny):
    tiny.items["item_id"] = ["10", "11", "12", "13", "14", str(2**53 + 1)]
    codes = {"code_1": [1, 3, -1], "code_2": [2, 4, -1]}
    pd.DataFrame({"item_id": [11.0, 10.0, np.nan], **codes}).to_parquet(tmp_path / "ids.parquet")
    pd.DataFrame({"item_id": [11.0, 10.0, np.nan], **codes}).to_csv(tmp_path / "ids.csv", index=False)
    for suffix in ("parquet", "csv"):
        assert import_ids(tmp_path / f"ids.{suffix}", tiny).ids.codes_IL[:2].tolist() == [[3, 4], [1, 2]]
    exact = pd.DataFrame({"item_id": pd.array([2**53 + 1, 10, None], "Int64"), **codes})
    exact.to_parquet(tmp_path / "ids.parquet")
    assert import_ids(tmp_path / "ids.parquet", tiny).ids.codes_IL[[5, 0]].tolist() == [[1, 2], [3, 4]]
    pd.DataFrame({"item_id": [11.0, 1.5], "code_1": [1, 2]}).to_parquet(tmp_path / "ids.parquet")
    refused(tmp_path / "ids.parquet", r"row 1 has the item 1.5 in column 'item_id'; store items as text", tiny)


def test_an_item_may_be_called_na(tmp_path, tiny):
    tiny.items["item_id"] = ["NA", "null", "c3", "c4", "c5", "c6"]
    assert import_ids(table(tmp_path, "item_id,code_1\nnull,1\nNA,2\n"), tiny).ids.codes_IL[:2].tolist() == [[2], [1]]


def test_whole_ids_under_either_name(tmp_path, tiny):
    for name in ("semantic_ids", "Semantic_ID", "sids"):
        pd.DataFrame({"item_id": ["c2", "c1"], name: [[1, 2], [3, 4]]}).to_parquet(tmp_path / "ids.parquet")
        assert import_ids(tmp_path / "ids.parquet", tiny).ids.codes_IL[:2].tolist() == [[3, 4], [1, 2]]
    pd.DataFrame({"item_id": ["c2", "c1"], "words": [[1, 2], [3, 4]]}).to_parquet(tmp_path / "ids.parquet")
    refused(tmp_path / "ids.parquet", r"has the columns item_id, words; name the codes code_1", tiny)


def test_the_limit_on_parquet_counts_columns_with_a_dot(tmp_path, monkeypatch):
    path = tmp_path / "ids.parquet"
    pd.DataFrame({"item.id": ["1-2-3" * 50] * 20_000, "code_1": 1}).to_parquet(path, use_dictionary=False, compression="zstd")
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(raw, "MAX_BYTES", 2**20)
    refused(path, r"unpacks to 5 MB, but at most 2 MB are read")


@pytest.mark.parametrize(("written", "codes"), [
    ("1-5-2", [1, 5, 2]), ("1 5 2", [1, 5, 2]), ("[1, 5, 2]", [1, 5, 2]), ("(1,5,2)", [1, 5, 2]), ("1_5_2", [1, 5, 2]),
    ("<a_1><b_5><c_2>", [1, 5, 2]), ("<a_1> <b_5>,<c_2>", [1, 5, 2]), ("['<a_1>', '<b_5>', '<c_2>']", [1, 5, 2]),
    ("[1 5 2]", [1, 5, 2]),
    ("1.5-2", None), ("-1--1--1", None), ("1,-5,2", None), ("soap 1 2", None), ("1--2", None), ("<a_1>x<b_2>", None),
    ("1e3", None), ("none", None)])
def test_a_whole_id_is_read_as_written_or_refused(tmp_path, written, codes):
    path = tmp_path / "index.json"
    path.write_text(json.dumps({"7": written}))
    if codes is None:
        refused(path, r"gives item 7 the ID '.*'; write its codes as 1-5-2 or as tokens such as <a_1><b_5>")
    else:
        assert SemanticIds.load(path).codes_IL[7].tolist() == codes


def test_a_number_of_thousands_of_digits_is_named(tmp_path):
    path = tmp_path / "index.json"
    path.write_text('{"0": [' + "9" * 5000 + "]}")
    refused(path, r"holds a number too long to read; codes are whole numbers from 0 to 1,048,575")


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "BOOL"])
def test_numbers_that_are_no_codes_are_named(tmp_path, dtype):
    n_bytes = {"BF16": 2}.get(dtype, 1) * 4
    head = json.dumps({"codes": {"dtype": dtype, "shape": [2, 2], "data_offsets": [0, n_bytes]}}).encode()
    path = tmp_path / "ids.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(n_bytes))
    refused(path, rf"holds {dtype} in 'codes', but codes must be whole numbers; save them as int32")


def test_item_ids_without_a_catalogue_ask_for_one(tmp_path):
    refused(table(tmp_path, "item_id,code_1\nB01,1\nB02,2\n"), r"names items by id \('B01' ..\), so it needs the catalogue")
