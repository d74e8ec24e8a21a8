"""A checkpoint without its code: codebooks and vectors, whose codes are computed here, as a run like any other.

A code is the nearest codebook vector of what the levels before left over, as in residual quantization:

    squared   c_l = argmin_k |r_l - e_k|^2,           r_{l+1} = r_l - e_{c_l}
    cosine    c_l = argmax_k r_l e_k / (|r_l| |e_k|),  r_{l+1} = r_l - e_{c_l}

Source: Lee et al. 2022, section 3.1; cosine as ``use_cosine_sim`` of vector-quantize-pytorch has it.
"""

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from tiger.core import files, limited
from tiger.core.events import Event
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.io import readers
from tiger.recording import recorder
from tiger.recording.curves import join
from tiger.runs import Run

Distance = Literal["squared", "cosine"]
DISTANCES: tuple[Distance, ...] = ("squared", "cosine")
KINDS = ("npy", "npz", "safetensors")
FLOATS = ("F16", "BF16", "F32", "F64")
MAX_BYTES, MAX_LEVELS = 2 * 2**30, 64
NAMED = re.compile(r"codebook|embed|codes?(\.|$)", re.IGNORECASE)
NO_BOOK = re.compile(r"avg|mean|cluster_size|usage|count|frozen", re.IGNORECASE)
BLOCK_CELLS = 2**24  # distances held at once: 64 MB


@dataclass(frozen=True)
class Nearest:
    """What quantising gave.

    Args:
        codes_IL: int64.
        error_IM: squared length of what each level read, and of what the last one left, (I, L+1) float32.
    """

    codes_IL: np.ndarray
    error_IM: np.ndarray

    @property
    def explained(self) -> float:
        """Share of the vectors' mean squared length that the codes account for."""
        return 1 - float(self.error_IM[:, -1].mean() / max(float(self.error_IM[:, 0].mean()), 1e-30))


def nearest_codes(vec_IZ: np.ndarray, codebooks: Sequence[np.ndarray], distance: Distance = "squared") -> Nearest:
    """Quantise vectors level by level; the lowest code on a tie.

    Args:
        vec_IZ: float32, finite.
        codebooks: one (K, Z) a level.
        distance: by which the nearest code is chosen.

    Raises:
        ValueError: widths differ, or there is no such distance.
    """
    if distance not in DISTANCES:
        raise ValueError(f"the distance is '{distance}', but must be one of {', '.join(DISTANCES)}.")
    widths = sorted({book_KZ.shape[1] for book_KZ in codebooks})
    if widths != [vec_IZ.shape[1]]:
        raise ValueError(f"the codebooks are {', '.join(map(str, widths))} wide and the vectors {vec_IZ.shape[1]}; give what the "
                         "codebooks quantise: the encoder's output, not its input.")
    codes_IL = np.empty((len(vec_IZ), len(codebooks)), np.int64)
    error_IM = np.empty((len(vec_IZ), len(codebooks) + 1), np.float32)
    norms = [np.einsum("kz,kz->k", book_KZ, book_KZ) for book_KZ in codebooks]
    step = max(1, BLOCK_CELLS // max(len(book_KZ) for book_KZ in codebooks))
    for start in range(0, len(vec_IZ), step):
        rows = slice(start, start + step)
        left_NZ = vec_IZ[rows].astype(np.float32)
        error_IM[rows, 0] = np.einsum("nz,nz->n", left_NZ, left_NZ)
        for level, (book_KZ, norm_K) in enumerate(zip(codebooks, norms, strict=True)):
            score_NK = left_NZ @ book_KZ.T
            if distance == "cosine":
                score_NK /= np.sqrt(np.maximum(norm_K, 1e-30))
            else:
                score_NK -= norm_K / 2
            codes_IL[rows, level] = score_NK.argmax(1)
            left_NZ = left_NZ - book_KZ[codes_IL[rows, level]]
            error_IM[rows, level + 1] = np.einsum("nz,nz->n", left_NZ, left_NZ)
    return Nearest(codes_IL, error_IM)


def read_codebooks(path: str | Path, names: Sequence[str] = ()) -> list[np.ndarray]:
    """The codebooks in a file, one (K, Z) float32 a level.

    A file of one array holds (L, K, Z), or (K, Z) for one level. Of a whole checkpoint, those tensors are taken whose names
    speak of a codebook, in the order of the numbers in their names; or those that ``names`` lists.

    Args:
        path: .npy, .npz or .safetensors.
        names: tensors to take, the first level first.

    Raises:
        ValueError: names the file, what it holds and the remedy.
    """
    file = readers.find_file(str(path), "codebooks")
    if file.suffix.lower().lstrip(".") not in KINDS:
        raise ValueError(f"'{file.name}' ends in '{file.suffix[:20]}', but codebooks must be .npy, .npz or .safetensors; write "
                         "them with numpy.save('codebooks.npy', model.codebooks.detach().cpu().numpy()).")
    shapes = _shapes(file)
    wanted = list(names) or _books_among(shapes, file.name)
    for name in wanted:
        if name not in shapes:
            raise ValueError(f"{file.name} holds no tensor '{name[:60]}', only {readers.shown(list(shapes), 12)}.")
    total = sum(int(np.prod(shapes[name])) for name in wanted) * 4
    if total > MAX_BYTES:
        raise ValueError(f"the codebooks in {file.name} take {total / 2**30:.1f} GB, but at most {MAX_BYTES / 2**30:.0f} GB are "
                         "read; name fewer tensors.")
    found = [book for name in wanted for book in _levels(_array(file, name), name, file.name)]
    if not 1 <= len(found) <= MAX_LEVELS:
        raise ValueError(f"{file.name} holds {counted(len(found), 'codebook')}, but 1 to {MAX_LEVELS} levels are read; name the "
                         "tensors.")
    return found


def read_codebooks_apart(path: Path, names: Sequence[str] = ()) -> list[np.ndarray]:
    """What ``read_codebooks`` gives, from a process of its own with bounded memory and time; for servers."""
    with limited.call("codebooks", path.name, path=str(path), names=list(names)) as folder:
        found = load_file(folder / "books.safetensors")
    return [found[str(level)] for level in range(len(found))]


def store_codebooks(folder: Path, path: str, names: Sequence[str]) -> None:
    """Read codebooks and leave them in a folder."""
    save_file({str(level): book for level, book in enumerate(read_codebooks(path, names))}, folder / "books.safetensors")


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array of floats in a file, before any is read; an npy file's only one is called "array"."""
    try:
        if file.suffix.lower() == ".safetensors":
            with safe_open(file, framework="pt") as opened:
                parts = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118
                return {name: tuple(part.get_shape()) for name, part in parts.items() if part.get_dtype() in FLOATS}
        if file.suffix.lower() == ".npy":
            return {"array": np.load(file, mmap_mode="r", allow_pickle=False).shape}
        with zipfile.ZipFile(file) as archive:
            found = {}
            for member in archive.infolist():
                if member.file_size > MAX_BYTES:
                    raise ValueError(f"its array '{member.filename[:40]}' unpacks to {member.file_size / 2**30:.1f} GB")
                with archive.open(member) as stream:
                    version = np.lib.format.read_magic(stream)  # type: ignore[no-untyped-call]
                    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                    shape, _, dtype = read(stream)  # type: ignore[no-untyped-call]
                if dtype.kind == "f":
                    found[member.filename.removesuffix(".npy")] = shape
            return found
    except (OSError, ValueError, EOFError, SafetensorError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file.name} cannot be read ({' '.join(str(error).split())[:120]}); save it again.") from None


def _array(file: Path, name: str) -> np.ndarray:
    try:
        if file.suffix.lower() == ".safetensors":
            with safe_open(file, framework="pt") as opened:  # torch knows bfloat16
                return np.asarray(opened.get_tensor(name).float().numpy())
        if file.suffix.lower() == ".npy":
            return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
        with np.load(file, allow_pickle=False) as archive:
            return np.asarray(archive[name])
    except (OSError, ValueError, EOFError, SafetensorError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"'{name[:40]}' of {file.name} cannot be read ({reason}); save it again.") from None


def _books_among(shapes: dict[str, tuple[int, ...]], file: str) -> list[str]:
    """The tensors of a checkpoint that are codebooks."""
    if len(shapes) == 1:
        return list(shapes)
    fit = {name: shape for name, shape in shapes.items() if len(_trimmed(shape)) in (2, 3)}
    found = [name for name in fit if NAMED.search(name) and not NO_BOOK.search(name)]
    if not found and fit and all(name.isdigit() or name.startswith("arr_") for name in fit):
        found = list(fit)
    widths = {_trimmed(shapes[name])[-1] for name in found}
    if not found or len(widths) > 1:
        held = [f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items()]
        raise ValueError(f"which of the {counted(len(shapes), 'tensor')} in {file} are the codebooks? Name them, the first level "
                         f"first: {readers.shown(held, 12)}.")
    return sorted(found, key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without leading axes of length 1, such as that of the heads."""
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    return shape


def _levels(array: np.ndarray, name: str, file: str) -> list[np.ndarray]:
    array = array.reshape(_trimmed(array.shape))
    if array.dtype.kind != "f" or array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(f"'{name[:40]}' of {file} is {array.dtype} of shape {array.shape}, but codebooks are floats (codes, "
                         "width), or (levels, codes, width).")
    if not np.isfinite(array).all():
        raise ValueError(f"'{name[:40]}' of {file} holds NaN or infinity; take a checkpoint from before the training failed.")
    return [np.array(book, np.float32, order="C") for book in (array if array.ndim == 3 else [array])]


def keep(codebooks: Sequence[np.ndarray], cat: Catalogue, distance: Distance = "squared", title: str = "", library: str = "",
         curves: Sequence[Event] = ()) -> Run:
    """Make codebooks, and the codes that they give to a catalogue's vectors, a finished run.

    Args:
        codebooks: from ``read_codebooks``.
        cat: its embeddings are what the codebooks quantise.
        curves: from ``curves.read_curves``.

    Raises:
        ValueError: widths differ, or the disk is full.
    """
    found = nearest_codes(cat.embedding_IE, codebooks, distance)
    rec = recorder.watch(title or "Codebooks", embeddings=cat.embedding_IE, dataset=cat.source, library=library,
                         n_codes=[len(book) for book in codebooks], settings={"distance": distance})
    assert rec.run is not None
    rec.close(codes=found.codes_IL, latents=cat.embedding_IE, codebooks=list(codebooks),
              message=f"Codes computed from the codebooks: the nearest of what the levels before left, by {distance} distance.")
    part = rec.run.path / ".recon_error.part.npy"
    np.save(part, found.error_IM, allow_pickle=False)
    files.replace(part, rec.run.path / "recon_error.npy")
    if curves:
        join(rec.run, curves)
    return rec.run


def about(found: Nearest, codebooks: Sequence[np.ndarray]) -> str:
    """What was found, in one sentence."""
    sizes = " × ".join(f"{len(book):,}" for book in codebooks)
    return (f"{counted(len(found.codes_IL), 'vector')}, {sizes} codes: "
            f"{counted(len(np.unique(found.codes_IL, axis=0)), 'distinct ID')}, {found.explained:.0%} of the squared length "
            "accounted for.")
