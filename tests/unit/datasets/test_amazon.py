"""McAuley's files of three generations, the k-core against a brute force, and streams that lie."""

import gzip
import json
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiger import datasets
from tiger.datasets.io import streams
from tiger.datasets.sources.amazon import Amazon, core_filter, parse_record

META_2014 = ("{'asin': 'B1', 'title': \"L'Oreal &amp; Co\", 'price': 9.99, 'brand': 'Oreal', 'categories': "
             "[['Beauty', 'Hair Care'], ['Gifts']], 'description': 'Shines <b>bright</b>', "
             "'related': {'also_bought': ['B2', 'B9']}}\n"
             "{'asin': 'B9', 'title': 'Unwanted'}\n")
META_2023 = [{"parent_asin": "B1", "title": "Hair oil", "store": "Shop", "price": "12.00", "main_category": "Beauty",
              "categories": ["Beauty", "Hair"], "description": ["Soft.", "Shiny."], "details": {"Brand": "Oily"}},
             {"parent_asin": "B2", "title": "Brush", "store": "Shop", "price": None, "main_category": "Beauty",
              "categories": [], "description": [], "details": {}}]


def packed(path: Path, content: str | bytes) -> str:
    path.write_bytes(gzip.compress(content.encode() if isinstance(content, str) else content))
    return str(path)


def review(user: str, item: str, time: int, old: bool = True) -> str:
    keys = ("reviewerID", "asin", "unixReviewTime") if old else ("user_id", "parent_asin", "timestamp")
    return json.dumps({**dict(zip(keys, (user, item, time), strict=True)), "overall": 5.0}) + "\n"


def test_2014_files(tmp_path):
    reviews = packed(tmp_path / "reviews_Beauty_5.json.gz",
                     review("u1", "B2", 20) + review("u1", "B1", 10) + review("u2", "B1", 10) + review("u2", "B1", 10))
    raw = Amazon(reviews, packed(tmp_path / "meta_Beauty.json.gz", META_2014), core=1).read()
    assert raw.name == "Amazon Beauty" and raw.items["item_id"].tolist() == ["B2", "B1"]
    assert raw.history_items.tolist() == [1, 0, 1] and raw.user_ids == ["u1", "u2"]
    item = raw.items.iloc[1]
    assert item["text"] == "L'Oreal & Co. Oreal. Beauty, Hair Care. Price 9.99. Shines bright"
    assert (item["title"], item["category"], item["brand"]) == ("L'Oreal & Co", "Beauty > Hair Care", "Oreal")
    assert raw.items["title"][0] == "B2"
    report = raw.report
    assert (report["reviews_read"], report["duplicates_dropped"], report["items_without_metadata"]) == (4, 1, 1)
    json.dumps(report)


def test_2023_files(tmp_path):
    reviews = packed(tmp_path / "All_Beauty.jsonl.gz",
                     review("u1", "B2", 1700000000001, False) + review("u1", "B1", 1700000000000, False))
    meta = packed(tmp_path / "meta_All_Beauty.jsonl.gz", "".join(json.dumps(row) + "\n" for row in META_2023))
    raw = Amazon(reviews, meta, core=1).read()
    assert raw.name == "Amazon All Beauty" and raw.history_items.tolist() == [1, 0]
    assert raw.items["text"].tolist() == ["Brush. Shop. Beauty", "Hair oil. Oily. Beauty, Hair. Price 12.00. Soft. Shiny."]
    assert raw.items["category"].tolist() == ["Beauty", "Beauty > Hair"]


def test_description_length_and_doing_without_metadata(tmp_path):
    reviews = packed(tmp_path / "r.json.gz", review("u1", "B1", 1))
    meta = packed(tmp_path / "m.json.gz", META_2014)
    assert Amazon(reviews, meta, core=1, text_length=6).read().items["text"][0].endswith(". Shines")
    raw = Amazon(reviews, core=1).read()
    assert raw.items["title"].tolist() == ["B1"] and raw.report["items_without_text"] == 1
    with pytest.raises(ValueError, match="Not even the only item has a word in its text"):
        datasets.load("amazon", reviews=reviews, core=1)


def test_core_of_the_real_kind_is_found(tmp_path):
    """Five users who bought the same five items, one user and one item too few."""
    lines = [review(f"u{user}", f"i{item}", item) for user in range(5) for item in range(5)]
    lines += [review("u0", "rare", 9), *[review("once", f"i{item}", 1) for item in range(4)]]
    raw = Amazon(packed(tmp_path / "r.json.gz", "".join(lines))).read()
    assert (len(raw.user_ids), len(raw.items), len(raw.history_items)) == (5, 5, 25)
    assert (raw.report["reviews_read"], raw.report["dropped_by_core"]) == (30, 5)
    with pytest.raises(ValueError, match="no user and item have 6 interactions each; choose a smaller core"):
        Amazon(str(tmp_path / "r.json.gz"), core=6).read()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60), st.integers(1, 4))
def test_core_equals_brute_force(pairs, core):
    left = list(range(len(pairs)))
    while True:  # remove one offender at a time: the k-core does not depend on the order
        users, items = Counter(pairs[n][0] for n in left), Counter(pairs[n][1] for n in left)
        bad = next((n for n in left if users[pairs[n][0]] < core or items[pairs[n][1]] < core), None)
        if bad is None:
            break
        left.remove(bad)
    user_N, item_N = np.array(pairs).T
    assert np.flatnonzero(core_filter(user_N, item_N, core)).tolist() == left


@pytest.mark.parametrize(("line", "words"), [
    (b'{"reviewerID": "u", "asin": "B1", "unixReviewTime"', "line 2, is not a record"),
    (b"__import__('os').system('touch /tmp/tiger-was-run')", "line 2, is not a record"),
    (b"{'asin': __import__('os').getcwd()}", "line 2, is not a record"),
    (b"[" * 100_000, "line 2, is not a record"),
    (b"{'a':" * 3000, "line 2, is not a record"),
    (b'["u", "B1", 3]', "line 2, is not a record"),
    (b'{"reviewerID": "u", "unixReviewTime": 3}', "line 2, has none of the fields parent_asin, asin"),
    (b'{"reviewerID": "u", "asin": "B1", "unixReviewTime": "soon"}', "line 2: the time is 'soon', but must be a number"),
    (b'{"reviewerID": "u", "asin": "B1", "unixReviewTime": NaN}', "line 2: the time is 'nan'"),
    (b'{"reviewerID": "\xff"}', "line 2, is not UTF-8"),
])
def test_bad_lines_are_named(tmp_path, line, words):
    reviews = packed(tmp_path / "r.json.gz", review("u1", "B1", 1).encode() + line + b"\n")
    with pytest.raises(ValueError, match=rf"r.json.gz, {words}") as refused:
        Amazon(reviews, core=1).read()
    assert len(str(refused.value)) < 250
    assert not Path("/tmp/tiger-was-run").exists()


def test_python_notation_is_parsed_and_never_run():
    assert parse_record(b"{'a': 'x', 'n': [1, 2.5, None, True]}", "f", 1) == {"a": "x", "n": [1, 2.5, None, True]}


def test_torn_gzip_and_plain_text(tmp_path):
    whole = gzip.compress("".join(review(f"u{n}", f"i{n}", n) for n in range(5000)).encode())
    (tmp_path / "r.json.gz").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(ValueError, match=r"r.json.gz breaks off after line \d+; the file is damaged, download it again"):
        Amazon(str(tmp_path / "r.json.gz"), core=1).read()
    (tmp_path / "plain.json").write_text(review("u1", "B1", 1))
    assert len(Amazon(str(tmp_path / "plain.json"), core=1).read().items) == 1


def test_bombs_stop_early_and_in_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "RATIO_FREE_BYTES", 2**20)
    line = review("u1", "B1", 1).encode()
    many = packed(tmp_path / "many.json.gz", line * 600_000)
    with pytest.raises(ValueError, match=r"many.json.gz unpacks to over 200 times its size by line .*bomb"):
        for _ in streams.read_lines(Path(many)):
            pass
    long = packed(tmp_path / "long.json.gz", b"x" * 100_000_000)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"long.json.gz, line 1, is longer than 16 MB"):
        list(streams.read_lines(Path(long)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(ValueError, match="No path to the reviews was given"):
        Amazon().read()
    with pytest.raises(ValueError, match=r"'/nowhere.gz' is not a file; check the path to the reviews"):
        Amazon("/nowhere.gz").read()
    with pytest.raises(ValueError, match=r"e.json.gz holds no reviews"):
        Amazon(packed(tmp_path / "e.json.gz", "\n\n")).read()


@pytest.mark.parametrize(("field", "value", "text", "category"), [
    ("categories", 5, "Brush", ""), ("categories", {"a": 1}, "Brush", ""), ("categories", True, "Brush", ""),
    ("categories", [{"a": 1}, "Hair"], "Brush. Hair", "Hair"), ("categories", "Hair", "Brush. Hair", "Hair"),
    ("categories", [["Hair", None, float("nan")]], "Brush. Hair", "Hair"),
    ("price", float("nan"), "Brush", ""), ("price", float("inf"), "Brush", ""), ("price", 9.5, "Brush. Price 9.5", ""),
    ("description", ["soft", float("nan"), {"a": 1}, 3], "Brush. soft 3", ""), ("description", {"a": 1}, "Brush", ""),
    ("brand", "a\ud800b", "Brush. a\ufffdb", ""), ("description", "\ud83d\ude00", "Brush. \U0001f600", ""),
    ("details", 5, "Brush", ""), ("brand", 10**400, "Brush", ""),
])
def test_odd_metadata_is_read_for_what_it_says(tmp_path, field, value, text, category):
    reviews = packed(tmp_path / "r.json.gz", review("u1", "B1", 1))
    meta = packed(tmp_path / "m.json.gz", "\n" + json.dumps({"asin": "B1", "title": "Brush", field: value}) + "\n")
    item = Amazon(reviews, meta, core=1).read().items.iloc[0]
    assert (item["text"], item["category"]) == (text, category)
    item["text"].encode()


@pytest.mark.parametrize(("title", "shown"), [(float("nan"), "B1"), ("a\udfff", "a\ufffd"), ({"a": 1}, "B1"), (7, "7")])
def test_odd_titles(tmp_path, title, shown):
    reviews = packed(tmp_path / "r.json.gz", review("u1", "B1", 1))
    meta = packed(tmp_path / "m.json.gz", json.dumps({"asin": "B1", "title": title}))
    assert Amazon(reviews, meta, core=1).read().items["title"].tolist() == [shown]


@pytest.mark.parametrize(("value", "words"), [
    ("\ud800", r"the id is '\\ud800', which is half a character"), (["B1"], r"the id is '\['B1'\]', but must be text"),
    (True, "the id is 'True', but must be text"), (float("nan"), "the id is 'nan', but must be text"),
    ({"a": 1}, "the id is '{'a': 1}', but must be text"), ("  ", "the id is '', which is empty"),
])
@pytest.mark.parametrize("where", ["item", "user", "metadata"])
def test_odd_ids_are_named_with_file_and_line(tmp_path, value, words, where):
    row = {"reviewerID": "u2", "asin": "B1", "unixReviewTime": 3}
    row |= {"item": {"asin": value}, "user": {"reviewerID": value}, "metadata": {}}[where]
    reviews = packed(tmp_path / "r.json.gz", review("u1", "B1", 1) + json.dumps(row))
    meta = packed(tmp_path / "m.json.gz", json.dumps({"asin": "B1"}) + "\n" + json.dumps({"asin": value}))
    file = "m.json.gz" if where == "metadata" else "r.json.gz"
    with pytest.raises(ValueError, match=rf"{file}, line 2: {words}") as refused:
        Amazon(reviews, meta, core=1).read()
    assert type(refused.value) is ValueError and "\n" not in str(refused.value)


def test_ids_are_the_same_however_json_spells_them(tmp_path):
    reviews = packed(tmp_path / "r.json.gz", review("u1", " Bé ", 1) + review("u1", "Bé", 2) + review("u1", 5, 3))
    meta = packed(tmp_path / "m.json.gz", '{"asin": "B\\u00e9", "title": "Brush"}\n{"asin": 5, "title": "Comb"}\n')
    raw = Amazon(reviews, meta, core=1).read()
    assert raw.items["title"].tolist() == ["Brush", "Comb"] and raw.history_items.tolist() == [0, 0, 1]


def test_a_number_too_long_to_print_is_refused(tmp_path):
    reviews = packed(tmp_path / "r.json.gz", "{'reviewerID': 'u', 'asin': 'B1', 'unixReviewTime': 0x" + "f" * 9000 + "}")
    with pytest.raises(ValueError, match=r"line 1: the time is a number of thousands of digits, but must be a number"):
        Amazon(reviews, core=1).read()
