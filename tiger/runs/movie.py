"""The moving picture of a training: how often each code is used, and where latents and code vectors lie, step by step.

    movie.json    what never changes: which items, the plane that they are drawn on, codes a level
    movie.bin     one record of the same length a frame, appended while the run trains

The plane is the PCA of the items' latents at the first frame, so that what moves in the picture moves in the latent space.
"""

import json
import logging
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tiger.analysis import projection
from tiger.core import files
from tiger.core.sampling import even_sample
from tiger.quantizers import Quantizer
from tiger.runs.run import Run

N_FRAMES = 150
FIRST_STEPS = 10  # each of these has a frame: a codebook finds its places early
N_ITEMS = 200
ABOUT, FRAMES = "movie.json", "movie.bin"
log = logging.getLogger(__name__)


@runtime_checkable
class Counting(Protocol):
    """A quantizer that counts which codes its training chooses."""

    def window_counts(self) -> list[np.ndarray]:
        """(K,) a level."""


@dataclass(frozen=True)
class Movie:
    """Some frames of a training.

    Args:
        n_codes: codes of each level.
        item_N: the items that are drawn.
        step_F: training steps done at each frame.
        count_FC: how often each code was chosen of late, levels one after another.
        place_FN2: the items' latents on the plane.
        code_FN: their codes of level 1.
        book_FK2: code vectors of level 1 on the plane.
    """

    n_codes: list[int]
    item_N: np.ndarray
    step_F: np.ndarray
    count_FC: np.ndarray
    place_FN2: np.ndarray
    code_FN: np.ndarray
    book_FK2: np.ndarray


def _record(n_codes: list[int], n_items: int) -> np.dtype[np.void]:
    return np.dtype([("step", "<i4"), ("count", "<u4", (sum(n_codes),)), ("place", "<f4", (n_items, 2)),
                     ("code", "<u2", (n_items,)), ("book", "<f4", (n_codes[0], 2))])


def can_film(quantizer: Quantizer) -> bool:
    """Whether there is something to see: a codebook in the latent space that moves in many steps."""
    return isinstance(quantizer, Counting) and quantizer.residual and quantizer.steppable


class Camera:
    """Writes the frames of one run.

    Args:
        emb_IE: the catalogue's embeddings.
    """

    def __init__(self, run: Run, quantizer: Quantizer, emb_IE: np.ndarray):
        self.run, self.quantizer = run, quantizer
        about = files.read_json(run.path / ABOUT) or {}
        self.item_N = even_sample(len(emb_IE), N_ITEMS)
        self.x_NE = emb_IE[self.item_N]
        self.centre_Z = np.array(about["centre"], np.float32) if about else None
        self.plane_2Z = np.array(about["plane"], np.float32) if about else None

    def due(self, step: int, n_steps: int) -> bool:
        """Whether this step has a frame."""
        return step <= FIRST_STEPS or step % max(1, n_steps // N_FRAMES) == 0 or step == n_steps

    def take(self, step: int) -> None:
        """Append the frame of this step."""
        assert isinstance(self.quantizer, Counting)
        books = self.quantizer.codebooks()
        assert books is not None
        z_NZ, sizes = self.quantizer.latent(self.x_NE), self.quantizer.codes_per_level
        if self.plane_2Z is None or self.centre_Z is None:
            self.centre_Z, self.plane_2Z = z_NZ.mean(0), projection.axes(z_NZ, 2)
            files.write_json(self.run.path / ABOUT, {
                "items": self.item_N.tolist(), "n_codes": sizes,
                "centre": self.centre_Z.tolist(), "plane": self.plane_2Z.tolist()})
        frame = np.zeros((), _record(sizes, len(self.item_N)))
        frame["step"] = step
        frame["count"] = np.concatenate(self.quantizer.window_counts())
        frame["place"] = (z_NZ - self.centre_Z) @ self.plane_2Z.T
        frame["code"] = (np.square(books[0]).sum(1) - 2 * z_NZ @ books[0].T).argmin(1)
        frame["book"] = (books[0] - self.centre_Z) @ self.plane_2Z.T
        with (self.run.path / FRAMES).open("ab", buffering=0) as file:
            files.append(file, frame.tobytes())


def read(run: Run, first: int = 0) -> Movie | None:
    """The frames from number ``first`` on; None where the run has no movie, or one that cannot be read."""
    try:
        about: dict[str, Any] = json.loads((run.path / ABOUT).read_text(encoding="utf-8"))
        sizes, item_N = [int(size) for size in about["n_codes"]], np.array(about["items"], np.int64)
        record = _record(sizes, len(item_N))
        found = np.fromfile(run.path / FRAMES, record, offset=first * record.itemsize)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        log.warning("the movie of run %s cannot be read: %s", run.id, error)
        return None
    return Movie(sizes, item_N, found["step"], found["count"], found["place"], found["code"], found["book"])


def cut(run: Run, after_step: int) -> None:
    """Forget the frames after this step, from which a run goes on; before the first, the whole movie."""
    found = read(run)
    if found is None or after_step < 0:
        for name in (ABOUT, FRAMES):
            (run.path / name).unlink(missing_ok=True)
        return
    keep = int((found.step_F <= after_step).sum())
    with (run.path / FRAMES).open("rb+") as file:
        file.truncate(keep * _record(found.n_codes, len(found.item_N)).itemsize)
