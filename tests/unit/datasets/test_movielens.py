"""MovieLens: the three archives in small, the real ratings once more, hostile zips, and the download."""

import hashlib
import http.server
import random
import threading
import zipfile
from pathlib import Path

import pytest

from tiger import datasets
from tiger.datasets.sources import grouplens
from tiger.datasets.sources.movielens import GENRES_100K, MovieLens
from tiger.datasets.sources.recbole import RecBole

SMALL = {
    "ml-latest-small/ratings.csv": "userId,movieId,rating,timestamp\n1,3,4.0,200\n1,1,5.0,100\n2,1,0.5,50\n",
    "ml-latest-small/movies.csv": 'movieId,title,genres\n1,Toy Story (1995),Adventure|Animation\n'
                                  '2,"Matrix, The (1999)",(no genres listed)\n3,"She said ""Hi""",Comedy\n',
}
MILLION = {"ml-1m/ratings.dat": "1::3::4::200\n1::1::5::100\n2::1::1::50\n",
           "ml-1m/movies.dat": "1::Toy Story (1995)::Animation|Children's\n2::Café (1990)::Drama\n3::X (1980)::War\n"}


def film(number: int, title: str, *genres: str) -> str:
    flags = "|".join("1" if genre in genres else "0" for genre in GENRES_100K)
    return f"{number}|{title}|01-Jan-1995||http://us.imdb.com/|{flags}\n"


HUNDRED = {"ml-100k/u.data": "1\t3\t4\t200\n1\t1\t5\t100\n2\t1\t1\t50\n",
           "ml-100k/u.item": film(1, "Toy Story (1995)", "Animation", "Comedy") + film(2, "unknown", "unknown")
           + film(3, "Café (1990)", "Drama"), "ml-100k/README": "licence"}


def archive(path: Path, entries: dict[str, str | bytes], encoding: str = "latin-1") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            packed.writestr(name, content.encode(encoding) if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(("entries", "name", "category"), [
    (SMALL, "MovieLens latest-small", "Adventure > Animation"), (MILLION, "MovieLens 1M", "Animation > Children's"),
    (HUNDRED, "MovieLens 100K", "Animation > Comedy")])
@pytest.mark.parametrize("unpacked", [False, True])
def test_three_archives_as_zip_and_as_folder(tmp_path, entries, name, category, unpacked):
    place = archive(tmp_path / "any.zip", entries)
    if unpacked:
        with zipfile.ZipFile(place) as packed:
            packed.extractall(tmp_path / "out")
        place = tmp_path / "out" / next(iter(entries)).split("/")[0]
        assert MovieLens(str(tmp_path / "out")).read().name == name  # the folder around it will do too
    raw = MovieLens(str(place)).read()
    assert raw.name == name and raw.items["item_id"].tolist() == ["1", "2", "3"]
    assert raw.user_ids == ["1", "2"] and raw.history_items.tolist() == [0, 2, 0]
    toy = raw.items.iloc[0]
    assert (toy["title"], toy["year"], toy["category"]) == ("Toy Story (1995)", "1995", category)
    assert toy["text"].startswith("Toy Story (1995) A") and raw.report["cold_items"] == 1
    assert raw.items["title"][2 if entries is not MILLION else 1] in ('She said "Hi"', "Café (1990)")
    if entries is not MILLION:
        assert raw.items["category"][1] == ""


def test_min_rating_leaves_out_and_counts(tmp_path):
    raw = MovieLens(str(archive(tmp_path / "a.zip", SMALL)), min_rating=4).read()
    assert raw.user_ids == ["1"] and raw.report["ratings_left_out"] == 1


@pytest.mark.shared_data
def test_real_ratings_through_grouplens_format_equal_recboles(shared_data, tmp_path):
    """GroupLens's u.data is RecBole's .inter without its first line."""
    inter = (shared_data / "ml-100k" / "ml-100k.inter").read_text().split("\n", 1)[1]
    films = "".join(film(number, f"Film {number}") for number in range(1, 1683))
    place = archive(tmp_path / "ml-100k.zip", {"ml-100k/u.data": inter, "ml-100k/u.item": films})
    ours, theirs = MovieLens(str(place)).read(), RecBole(str(shared_data / "ml-100k")).read()
    assert (len(ours.user_ids), len(ours.items), len(ours.history_items)) == (943, 1682, 100_000)
    assert ours.user_ids == theirs.user_ids
    ids = [raw.items["item_id"].to_numpy()[raw.history_items].tolist() for raw in (ours, theirs)]
    assert ids[0] == ids[1]


def swap(entries, name, content):
    return {**entries, name: content}


@pytest.mark.parametrize(("entries", "words"), [
    ({"a.txt": "x"}, "holds none of MovieLens's pairs of files"),
    (swap(SMALL, "../evil.csv", "x"), r"has an entry '../evil.csv' that points outside the archive"),
    (swap(SMALL, "/etc/evil.csv", "x"), "points outside the archive"),
    (swap(SMALL, "C:\\evil.csv", "x"), "points outside the archive"),
    (swap(SMALL, "other/ratings.csv", "x"), "holds 2 files named 'ratings.csv', but should hold one"),
    (swap(SMALL, "ml-latest-small/ratings.csv", "userId,movieId,rating\n1,1,1\n"), "ratings.csv has no column 'timestamp'"),
    (swap(SMALL, "ml-latest-small/ratings.csv", SMALL["ml-latest-small/ratings.csv"] + "2,9,1,1\n"),
     "ratings.csv, row 5, has the unknown item '9'"),
    (swap(SMALL, "ml-latest-small/movies.csv", b"movieId,title,genres\n1,Caf\xe9,War\n"), "movies.csv, line 2, is not UTF-8"),
    (swap(SMALL, "ml-latest-small/movies.csv", 'movieId,title,genres\n1,A,"War'), "movies.csv ends inside a quoted cell"),
    (swap(MILLION, "ml-1m/movies.dat", "1::Toy Story (1995)\n"), "movies.dat, row 1, has 2 cells instead of 3"),
    (swap(HUNDRED, "ml-100k/u.item", film(1, "A") * 2), "u.item, row 2, repeats the item id '1'"),
    (swap(HUNDRED, "ml-100k/u.data", "1\t3\tfour\t200\n"), "u.data, row 1, column 'rating', holds 'four'"),
    (swap(HUNDRED, "ml-100k/u.data", "1\t3\t4\t200\n1\t3\n"), "u.data: row 2 is not like the first"),
    (swap(HUNDRED, "ml-100k/u.data", b"0" * 200_000_000), "u.data' unpacks to over .* decompression bomb"),
])
def test_hostile_archives_are_refused(tmp_path, entries, words):
    with pytest.raises(ValueError, match=words) as refused:
        MovieLens(str(archive(tmp_path / "a.zip", entries))).read()
    assert "\n" not in str(refused.value)


def test_torn_archive(tmp_path):
    place = archive(tmp_path / "a.zip", SMALL)
    place.write_bytes(place.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"a.zip is not a readable zip archive .*; download it again"):
        MovieLens(str(place)).read()
    place = archive(tmp_path / "b.zip", SMALL)
    data = bytearray(place.read_bytes())
    data[60:80] = b"x" * 20  # inside the first entry's bytes
    place.write_bytes(data)
    with pytest.raises(ValueError, match=r"b.zip is not a readable zip archive"):
        MovieLens(str(place)).read()


def test_nothing_is_downloaded_by_itself(tiger_home):
    with pytest.raises(ValueError, match="MovieLens latest-small was not downloaded yet; download it first"):
        datasets.load("movielens")
    with pytest.raises(ValueError, match="'/nowhere' does not exist"):
        datasets.load("movielens", path="/nowhere")


class Server(http.server.BaseHTTPRequestHandler):
    """Serves one file, with ranges; ``cut`` breaks the first answer off."""

    content, cut, ranges = b"", 0, True
    asked: list  # of Range headers

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted.split("=")[1].rstrip("-")) if wanted and self.ranges else 0
        body = self.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if type(self).cut:
            body, type(self).cut = body[:self.cut], 0
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch, tiger_home, tmp_path):
    content = archive(tmp_path / "ml-latest-small.zip", {**SMALL, "pad": random.Random(0).randbytes(200_000)}).read_bytes()
    handler = type("Handler", (Server,), {"content": content, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{running.server_address[1]}/ml-latest-small.zip"
        fake = grouplens.Archive("ml-latest-small", url, len(content), hashlib.sha256(content).hexdigest(), "licence")
        monkeypatch.setitem(grouplens.ARCHIVES, "ml-latest-small", fake)
        yield handler
        running.shutdown()


def test_download_reports_checks_and_is_read_from_then_on(server, tiger_home):
    seen = []
    path = datasets.download("ml-latest-small", lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == server.content and seen[-1] == (len(server.content), len(server.content))
    assert datasets.load("movielens").n_interactions == 3
    datasets.download("ml-latest-small")
    assert len(server.asked) == 1  # what is there and whole is not fetched again


@pytest.mark.parametrize("ranges", [True, False])
def test_interrupted_download_is_never_taken_for_whole_and_continues(server, tiger_home, ranges):
    server.cut, server.ranges = 5000, ranges
    with pytest.raises(ValueError, match=r"cannot be fetched \(it broke off after 5,000 of"):
        datasets.download("ml-latest-small")
    assert grouplens.downloaded("ml-latest-small") is None
    path = datasets.download("ml-latest-small")
    assert path.read_bytes() == server.content
    assert server.asked == [None, "bytes=5000-"]


def test_wrong_content_is_deleted(server, tiger_home):
    right = server.content
    server.content = b"x" * len(right)
    with pytest.raises(ValueError, match="does not have the published checksum and was deleted"):
        datasets.download("ml-latest-small")
    server.content = right + b"more"
    with pytest.raises(ValueError, match=r"more than the .* bytes that are published"):
        datasets.download("ml-latest-small")
    assert grouplens.downloaded("ml-latest-small") is None


def test_unknown_archive_and_published_facts():
    with pytest.raises(ValueError, match="no archive 'ml-9'; choose from ml-100k, ml-1m, ml-latest-small"):
        datasets.download("ml-9")
    assert {name: known.n_bytes for name, known in datasets.ARCHIVES.items()} == {
        "ml-100k": 4_924_029, "ml-1m": 5_917_549, "ml-latest-small": 978_202}
    for known in datasets.ARCHIVES.values():
        assert known.url.startswith("https://files.grouplens.org/") and len(known.sha256) == 64
        assert "commercial" in known.licence and known.name in known.licence
