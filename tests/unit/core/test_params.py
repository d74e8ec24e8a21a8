"""Hyper-parameters: what a form needs to know, and what is refused with which words."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from tiger.core import params
from tiger.core.params import param


@dataclass
class Oven:
    degrees: int = param(180, "How hot.", low=50, high=250, live=True)
    share: float = param(0.5, "Share of steam.", low=0, high=1)
    fan: bool = param(True, "Whether the fan turns.")
    mode: str = param("bake", "What it does.", choices=("bake", "grill"))
    minutes: int | None = param(None, "When it stops.", low=1)
    serial: str = "unseen"


def test_specs_list_fields_with_help_in_order():
    specs = params.specs(Oven)
    assert [spec.name for spec in specs] == ["degrees", "share", "fan", "mode", "minutes"]
    assert specs[0].kind is int and specs[0].live and (specs[0].low, specs[0].high) == (50, 250)
    assert specs[4].kind is int and specs[4].optional and specs[4].default is None


@pytest.mark.parametrize("values", [
    {"degrees": 200.0}, {"degrees": "220"}, {"share": 1}, {"fan": 0}, {"mode": "grill"}, {"minutes": None}])
def test_good_values_become_the_fields_own_kind(values):
    oven = params.build(Oven, values)
    for name, value in values.items():
        got = getattr(oven, name)
        assert got == (float(value) if name == "degrees" else value)
        kind = {"degrees": int, "share": float, "fan": bool, "mode": str}.get(name, type(None))
        assert type(got) is kind


@pytest.mark.parametrize(("values", "words"), [
    ({"degrees": 300}, "degrees is 300, but must be between 50 and 250"),
    ({"degrees": 180.5}, "degrees is 180.5, but must be a whole number"),
    ({"degrees": True}, "must be a whole number"),
    ({"degrees": None}, "must be a whole number"),
    ({"share": float("nan")}, "share is nan, but must be a finite number"),
    ({"share": "x"}, "must be a finite number"),
    ({"fan": "yes"}, "fan is 'yes', but must be true or false"),
    ({"fan": 2}, "must be true or false"),
    ({"mode": "boil"}, "mode is 'boil', but must be one of bake, grill"),
    ({"minutes": 0}, "minutes is 0, but must be at least 1"),
    ({"heat": 1}, "'heat' is not a hyper-parameter of Oven; choose from degrees, share, fan, mode, minutes"),
    ({"serial": "a"}, "'serial' is not a hyper-parameter"),
])
def test_bad_values_are_refused_by_name_value_and_limit(values, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        params.build(Oven, values)


def test_values_are_what_build_takes():
    oven = params.build(Oven, {"degrees": 200, "minutes": 20})
    assert params.values(oven) == {"degrees": 200, "share": 0.5, "fan": True, "mode": "bake", "minutes": 20}
    assert params.build(Oven, params.values(oven)) == oven


@dataclass
class Shelf:
    former_names: ClassVar[dict[str, str]] = {"depth": "height"}
    boards: int | list[int] = param(3, "Boards, or boards a side.", low=1, high=9)
    sides: list[int] | int = param([2, 5], "Boards a side.", low=1, high=9)
    height: float = param(1.0, "How high.", low=0)


@pytest.mark.parametrize(("given", "wanted"), [
    (4, 4), ("4", 4), ([4, 2, 9], [4, 2, 9]), ((4, 2), [4, 2]), ("4, 2,9", [4, 2, 9]), ([7], [7])])
def test_one_number_or_one_for_each_level(given, wanted):
    spec = params.specs(Shelf)[0]
    assert spec.listed and spec.kind is int
    found = params.check(spec, given)
    assert found == wanted and type(found) is type(wanted)
    assert params.check(spec, params.text(found)) == found or (isinstance(found, list) and len(found) == 1)


@pytest.mark.parametrize(("given", "words"), [
    ([4, 10], "boards is 10, but must be between 1 and 9"), ("4,x", "boards is 'x', but must be a whole number"),
    ([], "boards is .., but must be a whole number, or several separated by commas"), ("4;5", "several separated by commas")])
def test_lists_are_checked_number_by_number(given, words):
    with pytest.raises(ValueError, match=words):
        params.check(params.specs(Shelf)[0], given)


def test_a_list_as_default_is_nobodys_shared_list():
    assert params.specs(Shelf)[1].default == [2, 5]
    one = Shelf()
    one.sides.append(7)
    assert Shelf().sides == [2, 5]


def test_former_names_load_and_todays_name_wins():
    assert params.build(Shelf, {"depth": 2}).height == 2.0
    assert params.renamed(Shelf, {"depth": 2, "height": 3, "boards": 1}) == {"height": 3, "boards": 1}
