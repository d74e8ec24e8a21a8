"""Read a file of codes, whatever system wrote it, without trusting it: one reader a format."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from tiger.core import errors, limited
from tiger.datasets.io import readers
from tiger.semantic_ids import raw
from tiger.semantic_ids.arrays import read_npy, read_safetensors
from tiger.semantic_ids.frames import read_csv, read_parquet
from tiger.semantic_ids.json_files import read_json, read_jsonl
from tiger.semantic_ids.raw import RawIds

READERS = {".json": read_json, ".jsonl": read_jsonl, ".npy": read_npy, ".safetensors": read_safetensors, ".csv": read_csv,
           ".tsv": read_csv, ".parquet": read_parquet}
SUFFIXES = tuple(READERS)
TEXTS = (".json", ".jsonl", ".csv", ".tsv")
SAID = ("key_kind", "n_codes", "n_levels", "notes")


def read(path: Path) -> RawIds:
    """Read one file of codes.

    Raises:
        ValueError: one sentence with the file's name, what is wrong, the limit, and what to do.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        readers.refuse_code(path, "codes")
        raise ValueError(f"'{path.name}' ends in '{path.suffix[:20]}'; IDs are read from {', '.join(SUFFIXES)}.")
    found = readers.find_place(str(path))
    if found is None or not found.is_file():
        raise ValueError(f"'{path.name[:200]}' does not exist; check the path.")
    path = readers.find_file(str(path), "IDs")
    size = path.stat().st_size
    limit = raw.MAX_TEXT_BYTES if suffix in TEXTS else raw.MAX_BYTES
    if size > limit:
        raise ValueError(f"'{path.name}' has {size / 2**20:,.0f} MB, but at most {limit / 2**20:.0f} MB of "
                         f"{suffix[1:]} are read; store the codes as npy or Parquet, or split them.")
    try:
        return READERS[suffix](path)
    except UnicodeDecodeError as error:
        raise ValueError(f"'{path.name}' is not UTF-8 at byte {error.start:,}; save it as UTF-8.") from None
    except MemoryError:
        raise
    except (SafetensorError, pa.ArrowException, OSError, EOFError, RecursionError, OverflowError, TypeError, ValueError) as error:
        if type(error) is ValueError and errors.ours(error):
            raise
        raise ValueError(f"'{path.name}' is damaged or not a {suffix[1:]} file ({errors.first_line(error)}); "
                         "write it again.") from None


def read_apart(path: Path) -> RawIds:
    """What ``read`` gives, from a process of its own with bounded memory and time; for servers.

    Raises:
        ValueError: what ``read`` refuses, or the file needs more than a server gives.
    """
    with limited.call("semantic_ids", path.name, path=str(path)) as folder:
        arrays = load_file(folder / "raw.safetensors")
        said = limited.read_json(folder / "raw.json")
        keys = said["keys"]
    return RawIds(arrays["codes"], None if keys is None else np.array(keys, dtype=object), said["key_kind"], said["n_codes"],
                  said["n_levels"], tuple(said["notes"]))


def store(folder: Path, path: str) -> None:
    """Read a file of codes and leave what it holds in a folder, without pickle."""
    found = read(Path(path))
    save_file({"codes": np.ascontiguousarray(found.codes_NL)}, folder / "raw.safetensors")
    keys = None if found.keys is None else [str(key) for key in found.keys]
    limited.write_json(folder / "raw.json", {"keys": keys} | {name: getattr(found, name) for name in SAID})
