"""Tables as other programs write them: lists of histories, split files, unread columns, separators, packed files, links."""

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.files import refused
from tiger.cli import main as cli
from tiger.core import paths
from tiger.datasets import registry
from tiger.datasets.io import histories, readers
from tiger.datasets.sources.movielens import MovieLens
from tiger.datasets.sources.recbole import RecBole
from tiger.datasets.sources.tables import Tables
from tiger.datasets.vectors import Given

HISTORY = {"ann": ["a", "b", "c", "d", "e", "f"], "bob": ["c", "a", "g"]}  # six items of one user, three of another


def by_user(raw):
    """Item ids of each user's history, as the catalogue has them."""
    ids = raw.items["item_id"].tolist()
    return {user: [ids[item] for item in raw.history_items[start:end]]
            for user, start, end in zip(raw.user_ids, raw.indptr_U1, raw.indptr_U1[1:], strict=False)}


def write(path, text):
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("column", ["item_id_list", "history_item_id", "item_seq", "hist_item_id"])
def test_recboles_histories_in_a_list_column(tmp_path, column):
    lines = [f"user_id:token\t{column}:token_seq\titem_id:token\ttimestamp:float"]
    lines += [f"{user}\t{' '.join(items[:-1])}\t{items[-1]}\t{time}" for time, (user, items) in enumerate(HISTORY.items())]
    write(tmp_path / "x.inter", "\n".join(lines) + "\n")
    assert by_user(RecBole(str(tmp_path)).read()) == HISTORY


def test_rows_that_grow_are_one_history(tmp_path):
    """RecBole's benchmarks have one row a prefix, in any order of time, and cut long ones from the left."""
    rows = [("ann", "a b", "c", 3), ("ann", "a", "b", 2), ("bob", "c a", "g", 9), ("ann", "a b c", "d", 4),
            ("ann", "c d", "e", 5), ("ann", "d e", "f", 6)]
    write(tmp_path / "x.inter", "user_id:token\titem_id_list:token_seq\titem_id:token\ttimestamp:float\n"
          + "".join("\t".join(map(str, row)) + "\n" for row in rows))
    assert by_user(RecBole(str(tmp_path)).read()) == HISTORY
    write(tmp_path / "x.inter", "user_id:token\titem_id_list:token_seq\titem_id:token\nann\ta b\tc\nann\tx y\tz\n")
    refused(lambda: RecBole(str(tmp_path)).read(), r"x.inter, row 3: the history in column 'item_id_list' does not go on")


def test_histories_in_lists_of_own_tables(tmp_path):
    frame = pd.DataFrame({"user_id": list(HISTORY), "history": list(HISTORY.values())})
    frame.to_parquet(tmp_path / "u.parquet", index=False)
    frame.assign(history=[str(items) for items in HISTORY.values()]).to_csv(tmp_path / "u.csv", index=False)
    numbers = pa.table({"user_id": ["ann", "bob"], "item_ids": [[1, 2, 3, 4, 5, 6], [3, 1, 7]]})
    pq.write_table(numbers, tmp_path / "n.parquet")
    for name in ("u.parquet", "u.csv"):
        assert by_user(Tables(interactions=str(tmp_path / name)).read()) == HISTORY, name
    assert by_user(Tables(interactions=str(tmp_path / "n.parquet")).read()) == {"ann": list("123456"), "bob": ["3", "1", "7"]}


def test_a_step_of_a_history_by_hand():
    known = list("abc")
    assert histories._continuation(known, list("abcd")) == ["d"]
    assert histories._continuation(known, list("bcde")) == ["d", "e"]
    assert histories._continuation(known, list("ab")) == []
    assert histories._continuation(known, list("xy")) is None
    assert histories.list_column(["user_id", "item_id", "price"], "item_id") is None


def test_split_files_find_the_items(tmp_path):
    head = "user_id:token\titem_id:token\ttimestamp:float\n"
    write(tmp_path / "x.train.inter", head + "ann\ta\t1\nann\tb\t2\nbob\tb\t1\n")
    write(tmp_path / "x.valid.inter", head + "ann\tc\t3\n")
    write(tmp_path / "x.test.inter", head + "ann\td\t4\nbob\ta\t7\n")
    write(tmp_path / "x.item", "item_id:token\ttitle:token_seq\na\tRed hat\nb\tPan\nc\tCup\nd\tPot\ne\tLid\n")
    raw = RecBole(str(tmp_path)).read()
    assert by_user(raw) == {"ann": list("abcd"), "bob": ["b", "a"]} and raw.name == "x"
    assert raw.items["title"].tolist() == ["Red hat", "Pan", "Cup", "Pot", "Lid"]
    one = RecBole(str(tmp_path / "x.train.inter")).read()
    assert by_user(one) == {"ann": ["a", "b"], "bob": ["b"]} and one.items["title"].tolist()[0] == "Red hat"
    named = {path for path, _, _ in registry.stamps({"name": "recbole", "params": {"path": str(tmp_path / "x.train.inter")}})}
    assert str(tmp_path / "x.item") in named  # a change of it is seen


def test_unread_columns_do_not_stop_a_load(tmp_path):
    write(tmp_path / "x.inter", "user_id:token\titem_id:token\trating:float\nu\ta\t\nu\tb\tgood\n")
    write(tmp_path / "x.item", "item_id:token\tprice:float\tvec:float_seq\na\t\t1 0\nb\t9.5\tone\nc\t-\t\n")
    raw = RecBole(str(tmp_path)).read()
    assert raw.history_items.tolist() == [0, 1] and raw.items["price"].tolist()[1] == 9.5 and np.isnan(raw.items["price"][0])
    table = pa.table({"item_id": ["a", "b", "c"], "title": ["Red hat", "Pan", "Cup"], "image": pa.array([{"bytes": b"x"}] * 3),
                      "vector": [[0.5, 1.0]] * 3, "raw": [b"\xff", b"", None], "nested": [[["a"]]] * 3,
                      "price": [1.0, None, 3.0]})
    pq.write_table(table, tmp_path / "items.parquet")
    raw = Tables(str(tmp_path / "items.parquet")).read()
    assert raw.items["title"].tolist() == ["Red hat", "Pan", "Cup"] and "image" not in raw.items
    assert raw.report["columns_left_out"] == ["image", "vector", "raw", "nested"]
    inter = pa.table({"user_id": ["u", "u"], "item_id": ["a", "c"], "context": pa.array([{"x": 1}] * 2)})
    pq.write_table(inter, tmp_path / "inter.parquet")
    assert Tables(str(tmp_path / "items.parquet"), str(tmp_path / "inter.parquet")).read().history_items.tolist() == [0, 2]
    refused(lambda: Tables(str(tmp_path / "items.parquet"), title_column="image").read(), r"column 'image' holds struct")


@pytest.mark.parametrize("ids", ["12.0", " 12", "12"])
def test_one_rule_for_ids_in_all_readers(tmp_path, ids):
    """12.0 in one file is 12 in the other, whoever reads it."""
    items = write(tmp_path / "items.csv", "item_id,title\n12,hat\n7,pan\n9,cup\n")
    inter = write(tmp_path / "inter.csv", f"user_id,item_id\n1.0,{ids}\n1.0,7{'.0' if '.' in ids else ''}\n2.0,9\n")
    raw = Tables(items, inter).read()
    assert raw.history_items.tolist() == [0, 1, 2] and raw.user_ids == ["1", "2"]
    write(tmp_path / "x.inter", f"user_id:token\titem_id:token\nu\t{ids}\nu\t7\nu\t9\n")
    write(tmp_path / "x.item", "item_id:token\ttitle:token\n12\that\n7\tpan\n9\tcup\n")
    assert RecBole(str(tmp_path)).read().items["title"].tolist() == ["hat", "pan", "cup"]
    np.save(tmp_path / "e.npy", np.arange(6, dtype=np.float32).reshape(3, 2))
    for name, text in (("ids.txt", f"{ids}\n9.0\n7\n"), ("ids.json", '[12.0, 9.0, "7"]'),
                       ("ids.csv", "item_id\n12.0\n9.0\n7.0\n")):
        write(tmp_path / name, text)
        assert Given(str(tmp_path / "e.npy"), str(tmp_path / name)).read(["12", "7", "9"])[:, 0].tolist() == [0, 4, 2], name


def archive(folder: str, ratings: str, movies: bytes, ending: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr(f"{folder}/ratings.{ending}", ratings)
        packed.writestr(f"{folder}/movies.{ending}", movies)
    return buffer.getvalue()


@pytest.mark.parametrize(("folder", "ending", "name"), [
    ("ml-10M100K", "dat", "MovieLens 10M"), ("ml-1m", "dat", "MovieLens 1M"), ("ml-20m", "csv", "MovieLens 20M"),
    ("ml-25m", "csv", "MovieLens 25M"), ("ml-32m", "csv", "MovieLens 32M"), ("ml-latest", "csv", "MovieLens latest"),
    ("ml-latest-small", "csv", "MovieLens latest-small"), ("mine", "csv", "MovieLens")])
def test_movielens_is_named_for_what_it_is(tmp_path, folder, ending, name):
    text = "1::1::4.5::7\n1::2::3::8\n2::3::5::9\n" if ending == "dat" else \
        "userId,movieId,rating,timestamp\n1,1,4.5,7\n1,2,3,8\n2,3,5,9\n"
    movies = "1::Café (1990)::Drama\n2::Ødipus (1967)::War\n3::X (1980)::War\n" if ending == "dat" else \
        "movieId,title,genres\n1,Café (1990),Drama\n2,Ødipus (1967),War\n3,X (1980),War\n"
    (tmp_path / "any.zip").write_bytes(archive(folder, text, movies.encode(), ending))
    raw = MovieLens(str(tmp_path / "any.zip")).read()
    assert raw.name == name
    assert raw.items["title"].tolist() == ["Café (1990)", "Ødipus (1967)", "X (1980)"]  # UTF-8 is tried before Latin-1


def test_utf8_comes_before_latin_1(tmp_path):
    (tmp_path / "a.csv").write_bytes("item_id,title\n1,Café\n2,naïve\n3,x\n".encode())
    (tmp_path / "b.csv").write_bytes("item_id,title\n1,Café\n2,naïve\n3,x\n".encode("latin-1"))
    for name in ("a.csv", "b.csv"):
        assert Tables(str(tmp_path / name), encoding="latin-1").read().items["title"].tolist() == ["Café", "naïve", "x"]


@pytest.mark.parametrize(("name", "content", "words"), [
    ("i.csv", b"196,242,3,881250949\n186,302,3,891717742\n", r"no column 'item_id': it seems to begin with data.* 4 of its 4"),
    ("i.csv", b"B01,Hat,2024-05-01\nB02,Pan,2024-05-02\n", r"seems to begin with data"),
    ("i.csv", b"PK\x03\x04" + bytes(99), r"i.csv is compressed, not plain text: it is a zip archive; unpack it"),
    ("i.csv", gzip.compress(b"item_id\n1\n", mtime=0), r"compressed, not plain text: it is a gzip file; unpack it"),
    ("i.csv", b"PK\x03\x04..[Content_Types].xml" + bytes(99), r"an Excel workbook; save the sheet as CSV"),
    ("i.zip", b"PK\x03\x04" + bytes(99), r"'i.zip' ends in '.zip'.*it is a zip archive; unpack it"),
    ("i.csv", b"sku,title\n1,a\n", r"only sku, title; rename one or say which it is, as in item_column='sku'"),
    ("i.csv", b"Item ID,title\n1,a\n", r"as in item_column='Item ID'"),
])
def test_the_likely_cause_speaks_first(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    refused(lambda: Tables(str(tmp_path / name)).read(), words)


@pytest.mark.parametrize("separator", [";", "|", "\t"])
def test_another_separator_than_the_ending_says(tmp_path, separator):
    text = "\n".join(separator.join(row) for row in (["item_id", "title"], ["1", "hat"], ["2", "pan"], ["3", "cup"]))
    assert Tables(write(tmp_path / "i.csv", text)).read().items["title"].tolist() == ["hat", "pan", "cup"]


@pytest.mark.parametrize(("inter", "words"), [
    ("user_id:token,item_id:token\nu,i\n", r"separates its columns by commas, but RecBole's files use tabs"),
    ("196\t242\t3\n1\t2\t3\n", r"has no line of names with types, as RecBole's files do"),
    ("user_id:token\titem_id:token\ttimestamp:float\nu\ta\t2024-05-01\n", r"row 2, column 'timestamp', holds a date, but"),
])
def test_the_likely_cause_in_recboles_files(tmp_path, inter, words):
    write(tmp_path / "x.inter", inter)
    refused(lambda: RecBole(str(tmp_path)).read(), words)


def test_recbole_opens_no_other_files_and_quotes_none(tmp_path):
    secret = tmp_path / "passwords"
    secret.write_text("root:x:0:0:secret\nuser:y:1:1:secret\n")
    assert "secret" not in refused(lambda: RecBole(str(secret)).read(), r"ends in '', but RecBole's files end in .inter")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "x.inter").symlink_to(secret)
    assert "secret" not in refused(lambda: RecBole(str(folder)).read(), r"'x.inter' leads to a file that ends in ''")
    (folder / "x.inter").unlink()
    write(folder / "x.inter", "user_id:token\titem_id:token\nu\ta\n")
    (folder / "x.item").symlink_to(secret)
    assert "secret" not in refused(lambda: RecBole(str(folder)).read(), r"'x.item' leads to a file that ends in ''")


def test_links_that_leave_the_readable_folders_are_refused_for_visitors(tmp_path, monkeypatch, tiger_home):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for folder in (outside, inside):
        folder.mkdir()
    write(outside / "y.inter", "user_id:token\titem_id:token\nu\ta\nu\tb\n")
    (inside / "x.inter").symlink_to(outside / "y.inter")
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(inside))
    assert len(RecBole(str(inside)).read().items) == 2  # its owner may
    with paths.confined():
        refused(lambda: RecBole(str(inside)).read(), r"'x.inter' leads outside the folders this server may read")
        np.save(outside / "e.npy", np.ones((3, 2), np.float32))
        (inside / "e.npy").symlink_to(outside / "e.npy")
        refused(lambda: Given(str(inside / "e.npy")).array(), r"'e.npy' leads outside")


def test_many_columns_are_counted_before_they_are_compared(tmp_path):
    write(tmp_path / "i.csv", ",".join(f"c{n}" for n in range(200_000)) + "\n")
    refused(lambda: Tables(str(tmp_path / "i.csv")).read(), r"i.csv has 200,000 columns, but at most 20,000 are read")
    names = [f"c{n}" for n in range(readers.MAX_COLUMNS)]
    lookups = CountingList(names)
    readers.check_names(lookups, "i.csv")
    assert lookups.n_counted == 0  # a count of every name in a list takes the square of their number


class CountingList(list):
    n_counted = 0

    def count(self, value):
        self.n_counted += 1
        return super().count(value)


def test_rows_are_counted_before_ids_are_made(tmp_path, tiger_home):
    """An npy of 100 million rows of one byte would become 100 million texts."""
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (100000000, 1), }"
    with (tmp_path / "e.npy").open("wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        file.truncate(100_000_000 + 10 + len(header))
    refused(lambda: registry.vectors_alone(str(tmp_path / "e.npy")), r"e.npy has 100,000,000 rows, but at most 5,000,000 items")
    assert not (tiger_home / "uploads").exists() or not list((tiger_home / "uploads").iterdir())


@pytest.mark.parametrize(("name", "words"), [("e.pt", r"torch.load\('e.pt'"), ("e.npz", r"numpy archive"),
                                             ("e.pkl", r"can run code")])
def test_vectors_that_would_run_code_say_how_to_convert(tmp_path, name, words):
    (tmp_path / name).write_bytes(b"\x80\x04.")
    refused(lambda: Given(str(tmp_path / name)).array(), words)


def test_a_remedy_is_a_flag_at_the_command_line(tmp_path, tiger_home, capsys):
    (tmp_path / "i.csv").write_bytes(b"item_id,title\n1,caf\xe9\n2,x\n3,y\n")
    assert cli.main(["datasets", "report", "tables", "--data-items", str(tmp_path / "i.csv")]) == 2
    said = capsys.readouterr().err
    assert "load it with --data-encoding latin-1" in said and "encoding=" not in said
    write(tmp_path / "i.csv", "sku,title\n1,a\n2,b\n3,c\n")
    assert cli.main(["datasets", "report", "tables", "--data-items", str(tmp_path / "i.csv")]) == 2
    assert "--data-item-column sku" in capsys.readouterr().err
