"""RecBole's files: exact counts on the real data, small folders by hand, and folders that are broken."""

import json
from pathlib import Path

import pytest

from tiger import datasets
from tiger.datasets.sources.recbole import RecBole, read_atomic

INTER = ("user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
         "ann\tx\t5\t30\nbob\ty\t4\t10\nann\ty\t3\t10\nann\tx\t5\t30\nann\tz\t1\t10\nbob\tx\t2\t9.5\n")
ITEM = ("item_id:token\tname:token_seq\tgenre:token_seq\tprice:float\tvec:float_seq\n"
        "w\tWarm hat\tWool Hats\t9\t0 1\nx\tRed scarf\tWool Scarves\t12.5\t1 0\n"
        "y\tSteel pan\t'Kitchen', 'Pans'\t30\t.5 .5\nz\t\t\t1e1\t\n")


def folder(path: Path, inter: str | bytes = INTER, item: str | bytes | None = ITEM,
           user: str | None = None) -> Path:
    for ending, content in (("inter", inter), ("item", item), ("user", user)):
        if content is not None:
            data = content.encode() if isinstance(content, str) else content
            (path / f"shop.{ending}").write_bytes(data)
    return path


def read(path: Path, **values):
    return RecBole(str(path), **values).read()


def test_small_folder_by_hand(tmp_path):
    raw = read(folder(tmp_path, user="user_id:token\tage:float\nann\t30\nzoe\t40\n"))
    assert raw.name == "shop"
    assert raw.items["item_id"].tolist() == ["x", "y", "z", "w"]  # as they appear, then the cold one
    assert raw.items["title"].tolist() == ["Red scarf", "Steel pan", "z", "Warm hat"]
    assert raw.items["category"].tolist() == ["Wool > Scarves", "Kitchen > Pans", "", "Wool > Hats"]
    assert raw.items["text"].tolist()[0] == "Red scarf Wool Scarves"
    assert raw.items["price"].tolist() == [12.5, 30, 10, 9]
    assert raw.user_ids == ["ann", "bob"]
    assert raw.indptr_U1.tolist() == [0, 3, 5]
    # ann: y and z at time 10 in the file's order, then x once; bob: x at 9.5 before y
    assert raw.history_items.tolist() == [1, 2, 0, 0, 1]
    report = raw.report
    assert (report["n_users"], report["n_items"], report["n_interactions"]) == (2, 4, 5)
    assert (report["duplicates_dropped"], report["cold_items"], report["users_under_3"]) == (1, 1, 1)
    assert (report["users_without_history"], report["items_without_text"], report["repeats"]) == (1, 1, 0)
    assert report["density"] == 5 / 8 and report["length_quantiles"]["p100"] == 3
    json.dumps(report)


def test_without_items_and_without_times(tmp_path):
    raw = read(folder(tmp_path, "user_id:token\titem_id:token\nann\tx\nann\ty\nann\tx\n", None))
    assert raw.history_items.tolist() == [0, 1, 0]
    assert raw.report["duplicates_dropped"] == 0 and raw.report["repeats"] == 1
    assert raw.items["title"].tolist() == ["x", "y"]


def test_other_column_names_and_the_inter_file_itself(tmp_path):
    folder(tmp_path, "u:token\ti:token\tt:float\na\tx\t2\na\ty\t1\n", None)
    raw = read(tmp_path / "shop.inter", user_field="u", item_field="i", time_field="t")
    assert raw.history_items.tolist() == [1, 0]


def test_windows_line_ends_and_byte_order_mark(tmp_path):
    data = b"\xef\xbb\xbf" + INTER.replace("\n", "\r\n").encode()
    assert read(folder(tmp_path, data)).history_items.tolist() == [1, 2, 0, 0, 1]


@pytest.mark.parametrize(("inter", "item", "words"), [
    (INTER.replace("user_id:token", "user:token"), ITEM, "shop.inter has no column 'user_id', only user, item_id"),
    (INTER.replace("rating:float", "rating"), ITEM, "shop.inter: the column name 'rating' carries no type"),
    (INTER.replace("rating:float", "rating:int"), ITEM, "'rating:int' carries no type"),
    (INTER.replace("rating:float", "user_id:float"), ITEM, "shop.inter has two columns named 'user_id'"),
    (INTER.replace("timestamp:float", "timestamp:token"), ITEM, "column 'timestamp' is of type token"),
    (INTER.replace("\t30\n", "\tsoon\n", 1), ITEM, "shop.inter, row 2, column 'timestamp', holds 'soon'"),
    (INTER.replace("\t30\n", "\tnan\n", 1), ITEM, "row 2, column 'timestamp', holds 'nan', which is not a finite"),
    (INTER.replace("\t30\n", "\t1e999\n", 1), ITEM, "row 2, column 'timestamp', holds '1e999'"),
    (INTER + "bob\tx", ITEM, "shop.inter: row 8 is not like the first: expected 4 columns, got 2"),
    (INTER + "bob\tx\t1\t2\t3\n", ITEM, "shop.inter: row 8 is not like the first: expected 4 columns, got 5"),
    (INTER + "bob\tq\t1\t2\n", ITEM, "shop.inter, row 8, has the unknown item 'q' .1 such row in all.; add it"),
    (INTER + "\tx\t1\t2\n", ITEM, "shop.inter, row 8, has no user id"),
    (INTER + "bob\t\t1\t2\n", ITEM, "shop.inter, row 8, has no item id"),
    ("", ITEM, "shop.inter is empty"),
    (INTER.encode("utf-16"), ITEM, "shop.inter is encoded in UTF-16; save it as UTF-8"),
    (INTER.encode() + b"bj\xf6rn\tx\t1\t2\n", ITEM, "shop.inter, line 8, is not UTF-8; save the file as UTF-8 or load"),
    (INTER.encode() + b"bo\0b\tx\t1\t2\n", ITEM, "shop.inter, line 8, holds a NUL byte"),
    (b"\x1f\x8b" + b"x" * 50, ITEM, "shop.inter is compressed, not plain text"),
    (INTER, ITEM + "x\tAgain\t\t1\t\n", "shop.item, row 6, repeats the item id 'x'; keep one row per item"),
    (INTER, ITEM + "\tAgain\t\t1\t\n", "shop.item, row 6, has no item id"),
    (INTER, ITEM.replace("item_id:token", "asin:token"), "shop.item has no column 'item_id', only asin, name"),
])
def test_broken_files_are_named_with_row_or_column(tmp_path, inter, item, words):
    with pytest.raises(ValueError, match=words) as refused:
        read(folder(tmp_path, inter, item))
    assert "\n" not in str(refused.value)


def test_broken_user_file(tmp_path):
    with pytest.raises(ValueError, match=r"shop.user, row 3, repeats the user id 'ann'; keep one row per user"):
        read(folder(tmp_path, user="user_id:token\nann\nann\n"))


def test_unknown_items_can_be_dropped_and_counted(tmp_path):
    raw = read(folder(tmp_path, INTER + "bob\tq\t1\t2\n"), unknown_items="drop")
    assert raw.report["unknown_items_dropped"] == 1 and raw.history_items.tolist() == [1, 2, 0, 0, 1]


def test_latin_1_on_request(tmp_path):
    folder(tmp_path, INTER.encode() + b"bj\xf6rn\tx\t1\t2\n")
    assert read(tmp_path, encoding="latin-1").user_ids == ["ann", "bob", "björn"]


def test_which_inter_file(tmp_path):
    with pytest.raises(ValueError, match=r"should hold one .inter file, but holds none"):
        read(tmp_path)
    folder(tmp_path)
    (tmp_path / "more.inter").write_text(INTER)
    with pytest.raises(ValueError, match=r"but holds more.inter, shop.inter; give the path to the file"):
        read(tmp_path)
    with pytest.raises(ValueError, match="does not exist; give the folder"):
        read(tmp_path / "nowhere")


def test_sequences_and_tokens_keep_their_text(tmp_path):
    path = tmp_path / "a.item"
    path.write_text('item_id:token\ttext:token_seq\n1\t5" pan, "as new"\n007\tNA\n')
    frame, types = read_atomic(path)
    assert frame["text"].tolist() == ['5" pan, "as new"', "NA"] and frame["item_id"].tolist() == ["1", "007"]
    assert types == {"item_id": "token", "text": "token_seq"}


@pytest.mark.thorough
@pytest.mark.shared_data
def test_amazon_beauty_is_the_papers(shared_data, tiger_home):
    cat = datasets.load("recbole", path=str(shared_data / "amazon-beauty"))
    assert (cat.n_users, cat.n_items, cat.n_interactions) == (22_363, 12_101, 198_502)
    assert cat.report["duplicates_dropped"] == 0 and cat.report["cold_items"] == 0
    assert cat.report["length_quantiles"]["p0"] == 5 and cat.embedding_IE.shape == (12_101, 256)
    with (shared_data / "amazon-beauty" / "amazon-beauty.item").open(encoding="utf-8") as file:
        known = dict(line.split("\t")[:2] for line in file)
    first = cat.items.iloc[0]
    assert first["title"] == known[first["item_id"]] and first["attributes"] in first["text"]


@pytest.mark.shared_data
def test_beauty_histories_equal_another_systems(shared_data):
    """LETTER numbered the same items by first appearance and wrote the same histories down."""
    raw = read(shared_data / "amazon-beauty")
    theirs = json.loads((shared_data / "letter-beauty" / "Beauty.inter.json").read_text())
    ours = [raw.history_items[start:end].tolist() for start, end in
            zip(raw.indptr_U1, raw.indptr_U1[1:], strict=False)]
    assert [theirs[str(user)] for user in range(len(ours))] == ours


@pytest.mark.shared_data
def test_movielens_has_titles_years_and_genres(shared_data):
    raw = read(shared_data / "ml-100k")
    assert (len(raw.user_ids), len(raw.items), len(raw.history_items)) == (943, 1682, 100_000)
    toy = raw.items[raw.items["item_id"] == "1"].iloc[0]
    assert (toy["title"], toy["release_year"]) == ("Toy Story", "1995")
    assert toy["category"] == "Animation > Children's > Comedy"
    assert raw.report["users_without_history"] == 0
