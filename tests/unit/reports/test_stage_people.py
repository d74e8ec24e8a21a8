"""People by what they like, on a catalogue worked by hand; and what their things look like, from files of strangers."""

import base64
import io
import math

import numpy as np
import pytest
from PIL import Image

from tiger.reports import branches
from tiger.reports.stage import people, pictures
from tiger.reports.stage.people import Interests


@pytest.fixture
def about(tiny) -> Interests:
    return Interests.of(tiny, branches.Texts.of(tiny).words)


def test_interests_are_split_at_and_but_not_inside_a_categorys_name():
    known = ["Coffee and Tea", "Camping"]
    assert people.terms("coffee and camping", known) == ["coffee", "camping"]
    assert people.terms("Coffee and tea, camping", known) == ["Coffee and tea", "camping"]
    assert people.terms(" , ;and", known) == ["and"]
    assert people.terms("", known) == []


def test_which_items_belong_to_an_interest(about):
    assert np.flatnonzero(people.items_of(about, "candles")).tolist() == [0, 1, 2]  # the category
    assert np.flatnonzero(people.items_of(about, "soap")).tolist() == [3, 4, 5]  # begins the category's and titles' word
    assert np.flatnonzero(people.items_of(about, "mint soap")).tolist() == [4]  # every word must be there
    assert not people.items_of(about, "kettle").any()


def test_who_likes_candles_and_soaps_worked_by_hand(about):
    """Without held-out items the histories are a: 0 1 2, b: 1 0, c: 3 4 3 4; "d" has two items, too few to be shown."""
    found = people.who_likes(about, ["candles"])
    assert [(one.user, one.counts, one.n_items) for one in found] == [(0, (3,), 3), (1, (2,), 2)]
    both = people.who_likes(about, ["candles", "soaps"])
    assert [(one.user, one.counts) for one in both] == [(2, (0, 4)), (0, (3, 0)), (1, (2, 0))]
    q = 4 / 11  # of the eleven interactions that count, four are with soaps: log(11/4) beats log(11/7)
    assert 1 * math.log(1 / q) > 1 * math.log(1 / (7 / 11))
    assert both[0].items == (4, 3, 4, 3)


def test_tastes_name_what_is_more_common_here_than_elsewhere(about):
    assert people.tastes(about, [0, 1, 3]) == "Candles, Soaps"
    assert people.tastes(about, []) == ""
    plain = Interests(about.cat, about.words, (), about.part_IC[:, :0], None)
    assert people.tastes(plain, [0, 1, 2]) == "candle"  # the other words of its titles occur once
    assert "candle" in people.popular(plain)


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(out, "PNG")
    return out.getvalue()


def test_a_picture_is_read_inside_the_datas_folder_only(tmp_path):
    data, outside = tmp_path / "data", tmp_path / "outside.png"
    (data / "img").mkdir(parents=True)
    outside.write_bytes(png(4, 4))
    (data / "img" / "red.png").write_bytes(png(600, 300))
    (data / "link.png").symlink_to(outside)
    (data / "words.png").write_text("no picture")
    (data / "vector.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    found = pictures.picture("img/red.png", (data,))
    small = Image.open(io.BytesIO(base64.b64decode(found.removeprefix("data:image/webp;base64,"))))
    assert small.size == (144, 72)
    for cell in ("../outside.png", str(outside), "link.png", "words.png", "vector.svg", "nothing.png", "img", "", " ", "\0",
                 "file:///etc/passwd", "javascript:alert(1)"):
        assert pictures.picture(cell, (data,)) == "", cell


def test_sizes_are_checked_before_a_picture_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_PIXELS", 100)
    (tmp_path / "wide.png").write_bytes(png(11, 10))
    assert pictures.picture("wide.png", (tmp_path,)) == ""
    monkeypatch.setattr(pictures, "MAX_BYTES", 20)
    (tmp_path / "small.png").write_bytes(png(2, 2))
    assert pictures.picture("small.png", (tmp_path,)) == ""
    assert pictures.picture("data:image/png;base64," + base64.b64encode(png(2, 2)).decode(), ()) == ""


def test_other_machines_are_asked_only_where_that_is_allowed():
    address = "https://example.org/a.jpg"
    assert pictures.picture(address, ()) == "" and pictures.picture(address, (), remote=True) == address
    assert pictures.picture('https://example.org/"onerror=', (), remote=True) == ""
    inline = "data:image/png;base64," + base64.b64encode(png(3, 3)).decode()
    assert pictures.picture(inline, ()).startswith("data:image/webp;base64,")
    assert pictures.picture("data:text/html;base64,AAAA", ()) == pictures.picture("data:image/png;base64,!", ()) == ""


def test_an_items_picture_comes_before_its_icon_and_its_icon_before_its_initials(tiny, tmp_path):
    (tmp_path / "a.png").write_bytes(png(3, 3))
    tiny.source = {"name": "tables", "params": {"items": str(tmp_path / "items.csv")}}
    (tmp_path / "items.csv").write_text("item_id")
    tiny.items["image"] = ["a.png", None, float("nan"), "https://example.org/a.png", "../a.png", "b.png"]
    tiny.items.loc[5, "category"] = "Bath"
    found = pictures.looks(tiny, range(6))
    assert [bool(look.picture) for look in found.values()] == [True, False, False, False, False, False]
    assert found[5].icon == "bath" and found[0].icon == "home" and found[1].initials == "BC"
    assert pictures.looks(tiny, [3], remote=True)[3].picture == "https://example.org/a.png"


def test_every_aisle_of_the_shop_has_an_icon():
    from tiger import datasets

    paths = datasets.load("synthetic").items["category"]
    assert {pictures.icon_of(path) for path in paths} >= {"coffee-and-tea", "camping", "audio"}
    assert all(pictures.icon_of(path) == "-".join(path.split(" > ")[1].lower().split()) for path in paths)
    assert pictures.icon_of("Nowhere > At all") == pictures.icon_of("") == ""
    assert all("<script" not in shapes and "href" not in shapes and "xmlns" not in shapes for shapes in pictures.icons().values())
