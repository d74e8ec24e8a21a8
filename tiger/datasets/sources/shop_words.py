"""Reads ``shop_words.txt``: the made shop's category tree, what describes its products, what is bought together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WORDS = Path(__file__).with_name("shop_words.txt")


@dataclass
class Kind:
    """One leaf of the tree and the words for its products."""

    name: str
    path: tuple[str, str, str, str]
    price: float
    season: int
    brands: list[str]
    uses: list[str]
    materials: list[str]
    sizes: list[str]
    purpose: str
    features: list[str]
    coloured: bool


def read_summary() -> tuple[list[Kind], dict[str, list[str]]]:
    """The kinds of product in tree order, and the other lists of ``shop_words.txt`` by section."""
    sections: dict[str, list[str]] = {}
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            sections[line.strip("[]")] = lines = []
        elif line.strip() and sections:
            lines.append(line.strip())
    kinds: list[Kind] = []
    for line in sections["tree"]:
        head, *cells = [cell.strip() for cell in line[1:].split("|")]
        if line[0] == "#":
            department, season, brands = head, int(cells[0]), split(cells[1], ",")
        elif line[0] == "=":
            aisle, uses = head, split(cells[0], ";")
        else:
            said = (brands, uses, split(cells[1], ","), split(cells[2], ","), cells[3], split(cells[4], ";"))
            for word in split(cells[0], ","):
                kinds.append(_kind(word, (department, aisle, head), season, *said, line[0] == "-"))
    return kinds, {name: lines for name, lines in sections.items() if name != "tree"}


def _kind(word: str, place: tuple[str, str, str], season: int, brands: list[str], uses: list[str],
          materials: list[str], sizes: list[str], purpose: str, features: list[str], coloured: bool) -> Kind:
    """One kind from "wok:44" or from "tarp:64{nylon + canvas; 3 x 3 m}", whose braces replace the shelf's words."""
    word, _, own = word.strip("}").partition("{")
    name, price = word.split(":")
    own_materials, _, own_sizes = own.partition(";")
    name, many = plural_of(name)
    return Kind(name, (*place, capital(many)), float(price), season, brands, uses,
                split(own_materials, "+") if own_materials.strip() else materials,
                split(own_sizes, "+") if own_sizes.strip() else sizes, purpose, features, coloured)


def split(text: str, mark: str) -> list[str]:
    return [part.strip() for part in text.split(mark)]


def plural_of(name: str) -> tuple[str, str]:
    """ "wok" -> ("wok", "woks"); "pie dish/pie dishes" -> its two halves; "soil/*" -> ("soil", "soil")."""
    one, _, many = name.partition("/")
    return one, one if many == "*" else many or f"{one}s"


def capital(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


def complements(lines: Sequence[str], kinds: list[Kind]) -> dict[int, list[int]]:
    """Leaf number -> leaf numbers that are bought with it; what is written one way holds in both."""
    number = {kind.name: leaf for leaf, kind in enumerate(kinds)}
    found: dict[int, list[int]] = {}
    for line in lines:
        name, others = line.split(" + ")
        for other in split(others, ","):
            for one, two in ((number[name], number[other]), (number[other], number[name])):
                if two not in found.setdefault(one, []):
                    found[one].append(two)
    return found
