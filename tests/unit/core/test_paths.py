"""Paths that come from a page: inside the readable folders, or one sentence."""

import pytest

from tiger.core import paths


@pytest.fixture
def root(tmp_path, monkeypatch):
    folder = tmp_path / "open"
    folder.mkdir()
    (folder / "shop.csv").write_text("x")
    (tmp_path / "secret.csv").write_text("x")
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(folder))
    return folder


def test_a_path_inside_is_resolved(root):
    assert paths.check_readable(f"{root}/../open/shop.csv") == (root / "shop.csv").resolve()


@pytest.mark.parametrize(("text", "words"), [
    ("{root}/../secret.csv", "lies outside the folders this server may read"), ("/etc/passwd", "lies outside"),
    ("{root}/link.csv", "lies outside"), ("{root}/none.csv", "does not exist on this server"),
    ("{root}/" + "x" * 5000, "cannot be a path"), ("{root}/a\0b", "cannot be a path"), ("~nobody-here/x", "cannot be a path")])
def test_everything_else_is_refused_in_one_sentence(root, text, words):
    (root / "link.csv").symlink_to(root.parent / "secret.csv")
    with pytest.raises(ValueError, match=words) as refused:
        paths.check_readable(text.format(root=root))
    assert str(refused.value).count("\n") == 0 and len(str(refused.value)) < 600
