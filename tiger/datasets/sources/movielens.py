"""GroupLens's own MovieLens archives, 100K to 32M and the latest, as zip or unpacked folder.

There are three forms of files: 100K's, that of 1M and 10M (``::`` between cells), and the CSV of all later ones. They may
not be bundled, so they are read from a path, or from where ``download`` put them.
Source: Harper and Konstan 2015, The MovieLens Datasets: History and Context.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from tiger.core import paths
from tiger.core.params import param
from tiger.core.words import counted
from tiger.datasets.base import Interactions, RawCatalogue, assemble
from tiger.datasets.io import readers, streams
from tiger.datasets.sources import grouplens

YEAR = re.compile(r"\((\d{4})\)\s*$")
RATINGS = {"ml-100k": "u.data", "ml-1m": "ratings.dat", "ml-latest-small": "ratings.csv"}
MOVIES = {"ml-100k": "u.item", "ml-1m": "movies.dat", "ml-latest-small": "movies.csv"}
TITLES = {"ml-100k": "MovieLens 100K", "ml-1m": "MovieLens 1M", "ml-latest-small": "MovieLens latest-small"}
SIZES = {100_000: "100K", 100_836: "latest-small", 1_000_209: "1M", 10_000_054: "10M", 20_000_263: "20M",
         25_000_095: "25M", 32_000_204: "32M"}
"""Ratings of each stable archive, as its README says."""
FOLDER = re.compile(r"ml-(100k|1m|10m|20m|25m|32m|latest-small|latest)(?:100k)?$", re.IGNORECASE)
GENRES_100K = ("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
               "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
               "Thriller",
               "War", "Western")
RATING_COLUMNS = ["userId", "movieId", "rating", "timestamp"]


@dataclass
class MovieLens:
    """One of the archives; which one is seen from the files inside."""

    title: ClassVar[str] = "MovieLens"
    summary: ClassVar[str] = "GroupLens's film ratings, 100K to 32M, from their zip archive or its unpacked folder."

    path: str = param("", "The .zip from GroupLens or its unpacked folder; leave empty for a downloaded archive.")
    variant: str = param("ml-latest-small", "Archive to use if no path is given.", choices=tuple(RATINGS))
    min_rating: float = param(0.0, "Drop ratings below this number of stars.", low=0, high=5)

    def read(self) -> RawCatalogue:
        """Read ratings and films; ValueError names file, row or column and remedy."""
        place = self._place()
        variant, names = _variant(place)
        ratings = _ratings(place, variant)
        films = _films(place, variant)
        stars_N = readers.to_numbers(ratings["rating"], "rating", names[0], variant_first_row(variant))
        time_N = readers.to_numbers(ratings["timestamp"], "timestamp", names[0], variant_first_row(variant))
        if self.min_rating > 0:
            keep_N = stars_N >= self.min_rating
            ratings, time_N = ratings[keep_N], time_N[keep_N]
        inter = Interactions(ratings["userId"].tolist(), ratings["movieId"].tolist(), time_N, names[0],
                             variant_first_row(variant))
        raw = assemble(_title(place, len(stars_N)), films, names[1], inter, first_row=variant_first_row(variant))
        raw.report["ratings_left_out"] = len(stars_N) - len(time_N)
        return raw

    def _place(self) -> Path:
        if not self.path:
            place = grouplens.downloaded(self.variant)
            if place is None:
                raise ValueError(f"{TITLES[self.variant]} was not downloaded yet; download it first (its "
                                 "licence is shown), or give the path to the archive.")
            return place
        place = readers.find_place(self.path)
        if place is None:
            raise ValueError(f"'{self.path[:200]}' does not exist; give GroupLens's zip archive or its unpacked "
                             "folder.")
        return paths.check_inside(place)


def variant_first_row(variant: str) -> int:
    """Number of the first row of data: only latest-small has a line of column names."""
    return 2 if variant == "ml-latest-small" else 1


def _variant(place: Path) -> tuple[str, tuple[str, str]]:
    """Which archive this is, and its ratings' and films' file names."""
    if place.is_file() and place.suffix.lower() in (".csv", ".dat", ".data", ".item", ".tsv", ".txt"):
        raise ValueError(f"'{place.name}' is one file, but MovieLens comes as two; give GroupLens's zip archive or the folder "
                         "that holds its files.")
    names = {name.split("/")[-1] for name in (streams.zip_names(place) if place.is_file()
                                              else _folder_names(place))}
    for variant, ratings in RATINGS.items():
        if ratings in names and MOVIES[variant] in names:
            return variant, (ratings, MOVIES[variant])
    wanted = ", ".join(f"{RATINGS[variant]} and {MOVIES[variant]}" for variant in RATINGS)
    raise ValueError(f"'{place.name}' holds none of MovieLens's pairs of files ({wanted}); "
                     "give GroupLens's zip archive or its unpacked folder.")


def _title(place: Path, n_ratings: int) -> str:
    """The archive's name: from the number of its ratings, else from its folder; plain MovieLens where neither tells."""
    if n_ratings in SIZES:
        return f"MovieLens {SIZES[n_ratings]}"
    folders = {part for name in streams.zip_names(place) for part in name.split("/")[:-1]} if place.is_file() else \
        {place.name, *(inner.name for inner in place.iterdir() if inner.is_dir())}
    found = sorted({match[1].lower() for folder in folders if (match := FOLDER.match(folder))})
    if len(found) == 1:
        return f"MovieLens {found[0] if found[0].startswith('latest') else found[0].upper()}"
    return "MovieLens"


def _folder_names(place: Path) -> list[str]:
    return [file.name for file in [*place.iterdir(), *place.glob("ml-*/*")] if file.is_file()]


def _bytes(place: Path, name: str) -> bytes | Path:
    if place.is_file():
        return streams.read_zip_entry(place, name)
    direct = place / name
    return paths.check_inside(direct if direct.is_file() else next(iter(sorted(place.glob(f"ml-*/{name}")))))


def _ratings(place: Path, variant: str) -> pd.DataFrame:
    name = RATINGS[variant]
    source = _bytes(place, name)
    if variant == "ml-latest-small":
        frame = readers.read_delimited(source, name, ",", True)
        readers.need_columns(frame, RATING_COLUMNS, name)
        return frame
    if variant == "ml-1m":
        data = readers.read_text(source, name)
        source = data.replace(b"::", b"\t")
    return readers.read_delimited(source, name, "\t", columns=RATING_COLUMNS)


def _films(place: Path, variant: str) -> pd.DataFrame:
    """item_id, title, text, category, year, genres."""
    name = MOVIES[variant]
    source = _bytes(place, name)
    if variant == "ml-latest-small":
        frame = readers.read_delimited(source, name, ",", True)
        readers.need_columns(frame, ["movieId", "title", "genres"], name)
    else:
        frame = _split_lines(readers.read_text(source, name, "latin-1").decode(), name, variant)
    genres = [[] if cell == "(no genres listed)" else cell.split("|") for cell in frame["genres"]]
    titles = frame["title"].str.strip()
    years = [found.group(1) if (found := YEAR.search(title)) else "" for title in titles]
    return pd.DataFrame({
        "item_id": frame["movieId"], "title": titles,
        "text": [f"{title} {' '.join(words)}".strip() for title, words in zip(titles, genres, strict=True)],
        "category": [" > ".join(words) for words in genres], "year": years,
        "genres": [", ".join(words) for words in genres]})


def _split_lines(text: str, name: str, variant: str) -> pd.DataFrame:
    """Films of the two older archives, whose separators no CSV reader knows."""
    rows = []
    mark, n_cells = ("::", 3) if variant == "ml-1m" else ("|", 5 + len(GENRES_100K))
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split(mark)
        if len(cells) != n_cells:
            raise ValueError(f"{name}, row {number}, has {counted(len(cells), 'cell')} instead of {n_cells}; the file "
                             "is damaged, download it again.")
        genres = cells[2] if variant == "ml-1m" else "|".join(
            genre for genre, flag in zip(GENRES_100K, cells[5:],
                                         strict=True) if flag == "1" and genre != "unknown")
        rows.append((cells[0], cells[1], genres or "(no genres listed)"))
    return pd.DataFrame(rows, columns=["movieId", "title", "genres"])
