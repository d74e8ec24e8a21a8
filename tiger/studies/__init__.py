"""Experiments as generators of rows. A new kind of study is one file with a ``STUDY`` and one line here."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiger.studies.base import StudyKind

REGISTRY: dict[str, tuple[str, str]] = {
    "drift": ("tiger.studies.drift", "compare seven remedies for IDs whose vectors changed"),
    "cold": ("tiger.studies.cold_start", "recommend items that are held out of all training"),
    "diversity": ("tiger.studies.diversity", "measure temperature against recall and diversity"),
}
"""Kind of study to the module that holds its ``STUDY``, and what it does; nothing is loaded before it is used."""


def find(name: str) -> "StudyKind[Any, Any, Any]":
    """The kind of study with this name.

    Raises:
        ValueError: there is none; lists those that exist.
    """
    if name not in REGISTRY:
        raise ValueError(f"'{name}' is no kind of study; known are {', '.join(REGISTRY)}.")
    found: StudyKind[Any, Any, Any] = importlib.import_module(REGISTRY[name][0]).STUDY
    return found
