"""The user's own tables: three formats give the same catalogue, and broken ones are named."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tiger import datasets
from tiger.datasets.io import readers
from tiger.datasets.sources import tables
from tiger.datasets.sources.tables import Tables

ITEMS = pd.DataFrame({"item_id": ["01", "02", "03"], "title": ['Red, "warm" scarf', "Line\nbreak hat", "Pan"],
                      "category": ["Wool > Scarves", "Wool > Hats", "Kitchen"], "maker": ["Ann", "Bob", "Ann"],
                      "price": [1.5, 2.0, 3.25]})
INTERACTIONS = pd.DataFrame({"user_id": ["u2", "u1", "u2", "u2"], "item_id": ["03", "01", "01", "03"],
                             "timestamp": [30, 5, 20, 30]})


def write(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, sep="," if path.suffix == ".csv" else "\t")
    return str(path)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet"])
def test_three_formats_give_the_same(tmp_path, ending):
    raw = Tables(write(ITEMS, tmp_path / f"items{ending}"), write(INTERACTIONS, tmp_path / f"inter{ending}")).read()
    assert raw.name == "items" and raw.items["item_id"].tolist() == ["01", "02", "03"]
    assert raw.items["title"].tolist() == ITEMS["title"].tolist()
    assert raw.items["text"][0] == 'Red, "warm" scarf Wool > Scarves Ann'
    assert raw.items["category"].tolist() == ITEMS["category"].tolist()
    assert raw.items["price"].astype(float).tolist() == [1.5, 2.0, 3.25]
    assert raw.user_ids == ["u2", "u1"] and raw.history_items.tolist() == [0, 2, 0]
    assert raw.report["duplicates_dropped"] == 1 and raw.report["cold_items"] == 1


def test_own_column_names_and_chosen_texts(tmp_path):
    items = ITEMS.rename(columns={"item_id": "sku", "title": "label", "category": "group"})
    inter = INTERACTIONS.rename(columns={"item_id": "sku", "user_id": "who", "timestamp": "when"})
    raw = Tables(write(items, tmp_path / "a.csv"), write(inter, tmp_path / "b.csv"), item_column="sku",
                 user_column="who", time_column="when", title_column="label", category_column="group",
                 text_columns="maker, label").read()
    assert raw.items["text"][2] == "Ann Pan" and raw.items["category"][2] == "Kitchen"
    assert raw.history_items.tolist() == [0, 2, 0]


def test_dates_order_histories(tmp_path):
    inter = INTERACTIONS.assign(timestamp=["2024-05-02", "2023-01-01T10:00", "2024-05-01 23:59", "2024-05-03"])
    expected = [0, 2, 2, 0]
    items = write(ITEMS, tmp_path / "i.csv")
    assert Tables(items, write(inter, tmp_path / "a.csv")).read().history_items.tolist() == expected
    real = inter.assign(timestamp=pd.to_datetime(inter["timestamp"], format="ISO8601"))
    assert Tables(items, write(real, tmp_path / "a.parquet")).read().history_items.tolist() == expected


def test_numbers_as_ids_stay_whole(tmp_path):
    items = pd.DataFrame({"item_id": [7, 8], "title": ["a", "b"]})
    inter = pd.DataFrame({"user_id": [1.0, 2.0], "item_id": [8.0, 7.0]})
    raw = Tables(write(items, tmp_path / "i.parquet"), write(inter, tmp_path / "u.parquet")).read()
    assert raw.items["item_id"].tolist() == ["7", "8"] and raw.user_ids == ["1", "2"]
    assert raw.history_items.tolist() == [1, 0]


def test_one_table_is_enough(tmp_path):
    only_items = Tables(write(ITEMS, tmp_path / "i.csv")).read()
    assert (len(only_items.items), len(only_items.user_ids), only_items.report["length_mean"]) == (3, 0, 0.0)
    only_inter = Tables(interactions=write(INTERACTIONS, tmp_path / "u.csv")).read()
    assert only_inter.items["title"].tolist() == ["03", "01"]
    with pytest.raises(ValueError, match="No table was given; name a file of items"):
        Tables().read()


@pytest.mark.parametrize(("items", "inter", "words"), [
    ("sku,title\n1,a\n", None, "i.csv has no column 'item_id', only sku, title; rename one or say which it is"),
    ("item_id,title\n1,a\n1,b\n", None, "i.csv, row 3, repeats the item id '1'"),
    ("item_id,title\n1,a\n,b\n", None, "i.csv, row 3, has no item id"),
    ("item_id,item_id\n1,a\n", None, "i.csv has two columns named 'item_id'"),
    ("item_id,\n1,a\n", None, "i.csv has a column without a name"),
    ("item_id,title\n1,a,b\n", None, "i.csv: row 2 is not like the first: expected 2 columns, got 3"),
    ("item_id,title\n1,\"a\n2,b\n", None, "i.csv"),
    ("item_id,title\n", None, "i.csv holds no items"),
    ("\n \n", None, "i.csv is empty"),
    ("item_id,title\n1,a\n", "user_id,item\nu,1\n", "u.csv has no column 'item_id', only user_id, item"),
    ("item_id,title\n1,a\n", "user_id,item_id\nu,1\nu,2\n", "u.csv, row 3, has the unknown item '2'"),
    ("item_id,title\n1,a\n", "user_id,item_id,timestamp\nu,1,5\nu,1,\n", "u.csv, row 3, column 'timestamp', holds ''"),
    ("item_id,title\n1,a\n", "user_id,item_id,timestamp\nu,1,2024-01-01\nu,1,later\n",
     "row 3, column 'timestamp', holds 'later', which is neither a number nor a date"),
])
def test_broken_text_tables(tmp_path, items, inter, words):
    (tmp_path / "i.csv").write_text(items)
    source = Tables(str(tmp_path / "i.csv"))
    if inter is not None:
        (tmp_path / "u.csv").write_text(inter)
        source.interactions = str(tmp_path / "u.csv")
    with pytest.raises(ValueError, match=words) as refused:
        source.read()
    assert "\n" not in str(refused.value)


def test_named_but_missing_columns_and_endings(tmp_path):
    items, inter = write(ITEMS, tmp_path / "i.csv"), write(INTERACTIONS, tmp_path / "u.csv")
    for values, words in (({"title_column": "label"}, "i.csv has no column 'label'"),
                          ({"text_columns": "title,blurb"}, "i.csv has no column 'blurb'"),
                          ({"time_column": "day"}, "u.csv has no column 'day'")):
        with pytest.raises(ValueError, match=words):
            Tables(items, inter, **values).read()
    (tmp_path / "i.xlsx").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"'i.xlsx' ends in '.xlsx', but the items must be .csv, .tsv or .parquet"):
        Tables(str(tmp_path / "i.xlsx")).read()


def test_torn_parquet(tmp_path):
    path = tmp_path / "i.parquet"
    write(ITEMS, path)
    whole = path.read_bytes()
    for damage in (whole[:-20], whole[:len(whole) // 2], b"PAR1" + b"\0" * 100 + b"PAR1", b""):
        path.write_bytes(damage)
        with pytest.raises(ValueError, match=r"i.parquet is not a readable Parquet file .*it may be damaged") as refused:
            Tables(str(path)).read()
        assert "\n" not in str(refused.value)


def test_parquet_bombs_stop_before_they_unfold(tmp_path, monkeypatch):
    """100,000 rows of one long text take a few kilobytes as a dictionary, and 1 GB written out."""
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, np.int32)), pa.array(["x" * 10_000]))
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"item_id": column}), path, compression="zstd")
    assert path.stat().st_size < 50_000
    monkeypatch.setattr(readers, "MAX_PARQUET_BYTES", 100 * 2**20)
    with pytest.raises(ValueError, match=r"bomb.parquet unpacks to more than .* GB by row .*decompression bomb"):
        Tables(str(path)).read()
    monkeypatch.setattr(readers, "MAX_ROWS", 1000)
    with pytest.raises(ValueError, match=r"bomb.parquet unpacks to 100,000 rows .* but at most 1,000 rows"):
        Tables(str(path)).read()


def test_nothing_loaded_is_touched_by_a_failure(tmp_path, tiger_home):
    good = datasets.load("tables", items=write(ITEMS, tmp_path / "i.csv"))
    before = good.items.copy()
    (tmp_path / "i.csv").write_text("item_id\n1\n1\n")
    with pytest.raises(ValueError, match="repeats"):
        datasets.load_ref(good.source)
    pd.testing.assert_frame_equal(good.items, before)


def parquet(path, columns: dict) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


DAY = dt.datetime(2024, 5, 1)
WHEN = [DAY, DAY - dt.timedelta(days=400), DAY - dt.timedelta(hours=1), DAY + dt.timedelta(days=1)]


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("ms", "Europe/Berlin"), pa.date64()])
def test_a_missing_time_in_parquet_is_named(tmp_path, kind):
    columns = {name: INTERACTIONS[name].tolist() for name in ("user_id", "item_id")}
    items = write(ITEMS, tmp_path / "i.csv")
    whole = parquet(tmp_path / "u.parquet", columns | {"timestamp": pa.array(WHEN, kind)})
    assert Tables(items, whole).read().history_items.tolist() == [0, 2, 2, 0]
    torn = parquet(tmp_path / "u.parquet", columns | {"timestamp": pa.array([*WHEN[:2], None, WHEN[3]], kind)})
    with pytest.raises(ValueError, match=r"u.parquet, row 4, column 'timestamp', holds (no time|'None')"):
        Tables(items, torn).read()


@pytest.mark.parametrize(("times", "words"), [
    (pa.array([1.0, 2.0, None, 4.0]), "row 4, column 'timestamp', holds 'nan', which is not a finite number"),
    (pa.array([1, 2, None, 4]), "row 4, column 'timestamp', holds"),
    (pa.array([1, None, 3, 4], pa.duration("s")), "row 3, column 'timestamp', holds no time"),
    (pa.array([True, False, True, True]), "column 'timestamp' holds true and false, which are not times"),
    (pa.array([True, None, True, True]), "column 'timestamp' holds true and false, which are not times"),
])
def test_what_is_no_time_is_refused(tmp_path, times, words):
    columns = {name: INTERACTIONS[name].tolist() for name in ("user_id", "item_id")}
    inter = parquet(tmp_path / "u.parquet", columns | {"timestamp": times})
    with pytest.raises(ValueError, match=words):
        Tables(write(ITEMS, tmp_path / "i.csv"), inter).read()


def test_dates_as_text_in_parquet(tmp_path):
    inter = INTERACTIONS.assign(timestamp=[when.isoformat() for when in WHEN])
    raw = Tables(write(ITEMS, tmp_path / "i.csv"), write(inter, tmp_path / "u.parquet")).read()
    assert raw.history_items.tolist() == [0, 2, 2, 0]


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.large_string()), pa.list_(pa.string(), 2),
                                  pa.list_(pa.dictionary(pa.int32(), pa.string()))])
def test_lists_of_texts_become_texts(tmp_path, kind):
    fixed = pa.types.is_fixed_size_list(kind)
    groups = [["Wool", "Hats"], None, [None, " Pans "], ["", None] if fixed else []] * 40_000  # more than one batch
    path = parquet(tmp_path / "i.parquet", {"item_id": [str(n) for n in range(len(groups))], "category": pa.array(groups, kind),
                                            "tags": pa.array(groups, kind), "title": ["Thing"] * len(groups)})
    items = Tables(path).read().items
    assert items["category"].tolist() == ["Wool > Hats", "", "Pans", ""] * 40_000
    assert items["tags"].tolist() == ["Wool Hats", "", "Pans", ""] * 40_000
    assert items["text"].tolist()[:4] == ["Thing Wool > Hats Wool Hats", "Thing", "Thing Pans Pans", "Thing"]


@pytest.mark.parametrize(("values", "words"), [
    ([[1.0], [2.0]], "column 'odd' holds list<.*double>, but only numbers, texts and lists of texts are read; leave it out"),
    ([{"a": 1}, {"a": 2}], "column 'odd' holds struct<a: int64>"), ([[["a"]], [["b"]]], "column 'odd' holds list<.*list<"),
])
def test_other_nested_columns_are_refused_by_name_where_they_are_wanted(tmp_path, values, words):
    path = parquet(tmp_path / "i.parquet", {"item_id": ["1", "2"], "odd": values})
    with pytest.raises(ValueError, match=rf"i.parquet: {words}"):
        Tables(path, text_columns="odd").read()
    assert list(Tables(path).read().items) == ["item_id", "title", "text", "category"]


def test_bombs_of_lists_stop_too(tmp_path, monkeypatch):
    """20,000 lists of five times the same long text."""
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, np.int32)), pa.array(["x" * 10_000]))
    column = pa.ListArray.from_arrays(pa.array(np.arange(0, 100_001, 5, dtype=np.int32)), texts)
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"item_id": [str(n) for n in range(20_000)], "tags": column}), path, compression="zstd")
    assert path.stat().st_size < 300_000
    monkeypatch.setattr(readers, "MAX_PARQUET_BYTES", 100 * 2**20)
    with pytest.raises(ValueError, match=r"bomb.parquet unpacks to more than .* GB by row .*decompression bomb"):
        Tables(str(path)).read()


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_too_many_items_are_refused_before_they_are_texts(tmp_path, monkeypatch, ending):
    items = write(pd.DataFrame({"item_id": range(30), "title": ["x"] * 30}), tmp_path / f"i{ending}")
    monkeypatch.setattr(tables, "MAX_ITEMS", 29)
    with pytest.raises(ValueError, match=r"to 30 rows .* at most 29 rows|holds 30 rows, but at most 29 are read"):
        Tables(items).read()


def test_the_limit_on_parquet_is_one_that_memory_can_bear():
    assert readers.MAX_PARQUET_BYTES <= 2**30
