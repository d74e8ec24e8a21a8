"""Read a file of codes, whatever system wrote it, without trusting it: one reader a format."""

from pathlib import Path

import pyarrow as pa
from safetensors import SafetensorError

from tiger.semantic_ids import raw
from tiger.semantic_ids.arrays import read_npy, read_safetensors
from tiger.semantic_ids.frames import read_csv, read_parquet
from tiger.semantic_ids.raw import RawIds
from tiger.semantic_ids.tokens import read_json

SUFFIXES = (".json", ".npy", ".safetensors", ".csv", ".tsv", ".parquet")


def read(path: Path) -> RawIds:
    """Read one file of codes.

    Raises:
        ValueError: one sentence with the file's name, what is wrong, the limit, and what to do.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"'{path.name}' ends in '{path.suffix}'; IDs are read from {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise ValueError(f"'{path.name}' does not exist; check the path.")
    size = path.stat().st_size
    limit = raw.MAX_TEXT_BYTES if suffix in (".json", ".csv", ".tsv") else raw.MAX_BYTES
    if size > limit:
        raise ValueError(f"'{path.name}' has {size / 2**20:,.0f} MB, but at most {limit / 2**20:.0f} MB of "
                         f"{suffix[1:]} are read; store the codes as npy or Parquet, or split them.")
    readers = {".json": read_json, ".npy": read_npy, ".safetensors": read_safetensors,
               ".parquet": read_parquet}
    try:
        return readers.get(suffix, read_csv)(path)
    except UnicodeDecodeError as error:
        raise ValueError(f"'{path.name}' is not UTF-8 at byte {error.start:,}; save it as UTF-8.") from None
    except (SafetensorError, pa.ArrowException, OSError, EOFError, RecursionError) as error:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise ValueError(f"'{path.name}' is damaged or not a {suffix[1:]} file ({reason}); "
                         "write it again.") from None
