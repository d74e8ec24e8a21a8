"""A made, seeded shop: products in a four-level category tree, and people who buy for reasons.

The words come from ``shop_words.txt``. Every person has tastes (a few shelves, a favourite brand), buys what
goes with the last thing they bought, follows the bestsellers and the season, and sometimes does none of it.
The tree and these habits are ground truth that real data does not have.
"""

import random
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from tiger.core.params import param
from tiger.datasets.base import Interactions, RawCatalogue, assemble
from tiger.datasets.sources.shop_words import Kind, capital, complements, read_summary, split

DAYS = 730
SHARE_COMPLEMENT, SHARE_TASTE = 0.45, 0.85  # marks on 0..1: complement, taste, and above it bestsellers
TITLES = ("{brand} {series} {material} {kind}, {size}",
          "{brand} {material} {kind} {series}, {size}{in_colour}",
          "{series} {material} {kind} by {brand}, {size}", "{brand} {series} {kind} - {material}, {size}")
TEXTS = ("{Kind} {purpose}. {Material} version with {one} and {two}. {Use}. Size: {size}. {brand}: {trait}.",
         "{Use}. {series} series: {kind} {purpose}, {material}{in_colour}, with {one}. {brand}: {trait}.",
         "With {one} and {two}, {purpose}. {Material} {kind}, {size}, {series} series. {Use}. {Second}.",
         "{Kind} {purpose}, made by {brand}. {Use}. {Second}. {Material}{in_colour}, {size}, with {one}.")


@dataclass
class Synthetic:
    """The made shop; with its default values it is read from ``data/synthetic`` instead of being made."""

    title: ClassVar[str] = "Synthetic shop"
    summary: ClassVar[str] = "A synthetic shop with a known category tree and users with known preferences."

    n_items: int = param(2000, "Number of items.", low=50, high=20_000)
    n_users: int = param(4000, "Number of users.", low=10, high=50_000)
    noise: float = param(0.1, "Share of interactions drawn at random, independent of preferences and popularity.", low=0,
                         high=1)
    tail: float = param(0.8, "Exponent of the popularity distribution: the n-th most popular item has weight 1 / n^tail.", low=0,
                        high=2)
    seed: int = param(0, "Random seed.", low=0, high=2**31 - 1)

    def read(self) -> RawCatalogue:
        """Make the shop; the same values give the same shop on every machine."""
        rng = random.Random(f"tiger-shop-{self.seed}")
        kinds, words = read_summary()
        products = make_products(rng, kinds, words, self.n_items)
        shop = Shop(rng, kinds, products, complements(words["complements"], kinds), self.tail)
        rows = [(f"u{user:05d}", item, day) for user in range(self.n_users)
                for item, day in shop.purchases(self.noise)]
        items = pd.DataFrame([{key: value for key, value in product.items() if key != "leaf"}
                              for product in products])
        item_ids = items["item_id"].tolist()
        inter = Interactions([row[0] for row in rows], [item_ids[row[1]] for row in rows],
                             np.array([row[2] for row in rows]), "the synthetic shop")
        return assemble("Synthetic shop", items, "the synthetic shop", inter)


def make_products(rng: random.Random, kinds: list[Kind], words: dict[str, list[str]], n_items: int,
                  ) -> list[dict[str, Any]]:
    """Products with a title that no other has, in an order that tells nothing."""
    weights = [0.4 + rng.random() for _ in kinds]
    leaves = list(range(len(kinds)))
    chosen = (leaves if n_items >= len(kinds) else rng.sample(leaves, n_items))
    chosen = chosen + rng.choices(leaves, weights, k=n_items - len(chosen))
    rng.shuffle(chosen)
    series, colours = words["series"][0].split(), split(words["colours"][0], ",")
    traits = split(words["traits"][0], ";")
    products: list[dict[str, Any]] = []
    titles: set[str] = set()
    for leaf in chosen:
        kind = kinds[leaf]
        while True:
            product = _product(rng, kind, series, colours, traits)
            if product["title"] not in titles:
                break
        titles.add(product["title"])
        products.append({"item_id": f"p{len(products):05d}", **product, "leaf": leaf})
    return products


def _product(rng: random.Random, kind: Kind, series: list[str], colours: list[str], traits: list[str],
             ) -> dict[str, Any]:
    """One product's own words and price."""
    material, size = rng.choice(kind.materials), rng.choice(kind.sizes)
    one, two = rng.sample(kind.features, 2)
    use, second = rng.sample(kind.uses, 2)
    said = {"brand": rng.choice(kind.brands), "series": rng.choice(series), "size": size,
            "purpose": kind.purpose,
            "one": one, "two": two, "trait": rng.choice(traits),
            "Use": use[0].upper() + use[1:], "Second": second[0].upper() + second[1:]}
    name = {"kind": capital(kind.name), "material": capital(material)}
    lower = {"kind": kind.name, "material": material, "Kind": kind.name[0].upper() + kind.name[1:],
             "Material": material[0].upper() + material[1:]}
    colour = f", {rng.choice(colours)}" if kind.coloured else ""
    title = rng.choice(TITLES).format(**said | name, in_colour=capital(colour))
    text = rng.choice(TEXTS).format(**said | lower, in_colour=colour)
    price = kind.price * (0.7 + 0.6 * rng.random()) * (1.6 if rng.random() < 0.1 else 1.0)
    return {"title": title, "text": f"{title}. {text}", "category": " > ".join(kind.path),
            "brand": said["brand"],
            "price": round(price) - 0.05}


class Shop:
    """Products by leaf and shelf with their popularity, and people who walk through."""

    def __init__(self, rng: random.Random, kinds: list[Kind], products: list[dict[str, Any]],
                 goes_with: dict[int, list[int]], tail: float):
        self.rng, self.kinds, self.goes_with = rng, kinds, goes_with
        n_items = len(products)
        self.leaf_I = [product["leaf"] for product in products]
        self.brand_I = [product["brand"] for product in products]
        ranks = rng.sample(range(n_items), n_items)
        self.weight_I = [(rank + 1) ** -tail for rank in ranks]
        self.release_I = [0.0 if rng.random() < 0.75 else rng.random() * DAYS * 0.8 for _ in range(n_items)]
        self.all_cum = list(accumulate(self.weight_I))
        self.by_leaf: list[list[int]] = [[] for _ in kinds]
        for item, leaf in enumerate(self.leaf_I):
            self.by_leaf[leaf].append(item)
        shelves = groupby(range(len(kinds)), key=lambda leaf: kinds[leaf].path[:3])
        self.shelves = [list(leaves) for _, leaves in shelves]
        self.by_shelf = [[item for leaf in shelf for item in self.by_leaf[leaf]] for shelf in self.shelves]

    def purchases(self, noise: float) -> list[tuple[int, float]]:
        """One person's (item, day), in the order of time; no item twice."""
        rng = self.rng
        tastes, brands = self._tastes()
        n_wanted = 4 + int(min(40.0, rng.expovariate(1 / 6)))
        day, bought, last = rng.random() * DAYS * 0.6, [], -1
        seen: set[int] = set()
        for _ in range(n_wanted):
            if rng.random() < 0.4:  # a new visit, else the same basket
                day = min(day + rng.expovariate(1 / 30), float(DAYS))
            day += 1e-4
            for _ in range(12):
                item = self._draw(last, day, noise, tastes, brands)
                if item >= 0 and item not in seen and self.release_I[item] <= day:
                    seen.add(item)
                    bought.append((item, day))
                    last = item
                    break
        return bought

    def _tastes(self) -> tuple[list[float], set[str]]:
        """Weight per shelf, most of it in two departments, and the brands this person comes back to."""
        rng = self.rng
        departments = sorted({kind.path[0] for kind in self.kinds})
        liked = rng.sample(departments, 2)
        tastes, brands = [], set()
        for shelf in self.shelves:
            kind = self.kinds[shelf[0]]
            taste = rng.random() ** 4 + 0.01
            tastes.append(taste if kind.path[0] in liked else taste * 0.03)
            brands.add(kind.brands[int(rng.random() * len(kind.brands))])
        return tastes, brands

    def _draw(self, last: int, day: float, noise: float, tastes: list[float], brands: set[str]) -> int:
        """The next thing this person reaches for; -1 where the shelf is empty."""
        rng = self.rng
        if rng.random() < noise:
            return int(rng.random() * len(self.leaf_I))
        why = rng.random()
        partners = self.goes_with.get(self.leaf_I[last], []) if last >= 0 else []
        if why < SHARE_COMPLEMENT and partners:
            return self._pick(self.by_leaf[partners[int(rng.random() * len(partners))]], brands)
        if why < SHARE_TASTE:
            month = day / 30.4 % 12 + 1
            pairs = zip(tastes, self.shelves, strict=True)
            weights = [taste * self._season(shelf, month) for taste, shelf in pairs]
            return self._pick(self.by_shelf[rng.choices(range(len(weights)), weights)[0]], brands)
        return rng.choices(range(len(self.leaf_I)), cum_weights=self.all_cum)[0]

    def _season(self, shelf: list[int], month: float) -> float:
        """3 in the month of the department's season, 1 half a year away."""
        season = self.kinds[shelf[0]].season
        if season == 0:
            return 1.5
        away = abs((month - season + 6) % 12 - 6)
        return 3 - away / 3

    def _pick(self, items: list[int], brands: set[str]) -> int:
        """One of these products: by popularity, four times as likely from a favourite brand."""
        if not items:
            return -1
        weights = [self.weight_I[item] * (4 if self.brand_I[item] in brands else 1) for item in items]
        return self.rng.choices(items, weights)[0]
