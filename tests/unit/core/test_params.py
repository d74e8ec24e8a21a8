"""Hyper-parameters: what a form needs to know, and what is refused with which words."""

from dataclasses import dataclass

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
    ({"heat": 1}, "'heat' is no hyper-parameter of Oven; known are degrees, share, fan, mode, minutes"),
    ({"serial": "a"}, "'serial' is no hyper-parameter"),
])
def test_bad_values_are_refused_by_name_value_and_limit(values, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        params.build(Oven, values)


def test_values_are_what_build_takes():
    oven = params.build(Oven, {"degrees": 200, "minutes": 20})
    assert params.values(oven) == {"degrees": 200, "share": 0.5, "fan": True, "mode": "bake", "minutes": 20}
    assert params.build(Oven, params.values(oven)) == oven
