"""Uploaded pictures: names and sizes from strangers are checked before anything is written."""

import io
import zipfile

import pytest

from tiger.datasets.io import pictures

PNG, GIF = b"\x89PNG\r\n\x1a\n" + b"1" * 20, b"GIF89a" + b"2" * 9


def zipped(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_pictures_come_from_files_and_archives_whatever_folder_a_name_asks_for():
    hostile = {"../../etc/a.png": PNG, "/abs/b.gif": GIF, "C:\\d\\c.png": PNG, "__MACOSX/d.png": PNG, ".hidden.png": PNG,
               "notes.txt": b"words", "in/red hat (1).png": PNG}
    found = pictures.unpacked({"e.PNG": PNG, "all.zip": zipped(hostile)})
    assert sorted(found) == ["a.png", "b.gif", "c.png", "e.PNG", "red_hat__1_.png"]
    assert found["b.gif"] == GIF and pictures.safe_name("in/red hat (1).png") == "red_hat__1_.png"


@pytest.mark.parametrize(("files", "words"), [
    ({"a.txt": b"x"}, "'a.txt' is no picture"), ({"a.png": b"<svg/>"}, "'a.png' is no PNG, JPEG, WebP or GIF"),
    ({"a.zip": b"PK no archive"}, "'a.zip' is no zip archive that can be read"),
    ({"a.zip": zipped({"readme.md": b"x"})}, "The upload has no picture"),
    ({"1 a.png": PNG, "b.zip": zipped({"x/1_a.png": PNG})}, "Two pictures are called '1_a.png'"),
    ({"a.zip": zipped({"bomb.png": bytes(5 * 2**20)})}, r"'a.zip/bomb.png' has 5.0 MB, but a picture may have at most 4 MB")])
def test_what_is_no_picture_or_too_large_is_one_sentence(files, words):
    with pytest.raises(ValueError, match=words):
        pictures.unpacked(files)


def test_an_archive_that_lies_about_its_sizes_is_unpacked_no_further_than_the_limit(monkeypatch):
    monkeypatch.setattr(pictures, "MAX_BYTES", 1000)
    content = zipped({"a.png": PNG + bytes(5000)})
    lies = content.replace((5028).to_bytes(4, "little"), (900).to_bytes(4, "little"))
    assert lies != content
    with pytest.raises(ValueError, match=r"no zip archive that can be read|at most"):
        pictures.unpacked({"a.zip": lies})


def test_too_many_pictures_are_refused(monkeypatch):
    monkeypatch.setattr(pictures, "MAX_PICTURES", 2)
    with pytest.raises(ValueError, match=r"more than 2 or larger than 200 MB"):
        pictures.unpacked({f"{n}.png": PNG for n in range(3)})
