"""The datasets this workspace knows: the bundled shop, and every dataset that somebody has loaded.

One JSON file per dataset in ``workspace/datasets``; the id is made here, from what the dataset is loaded
from, so loading the same data twice gives the same entry. Only the recipe is stored, never the data.
"""

import contextlib
import hashlib
import itertools
import json
import logging
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tiger import datasets
from tiger.core import access, files, params, paths
from tiger.datasets import apart as isolated
from tiger.datasets import vectors
from tiger.datasets.reference import DatasetRef
from tiger.datasets.sources import recorded

log = logging.getLogger(__name__)
BUNDLED_ID = "synthetic"
TFIDF = {"method": "tfidf"}
ID = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")
MAX_UPLOAD_BYTES = 200 * 2**20
VISITOR_BYTES, VISITOR_DATASETS = 400 * 2**20, 10  # what a visitor of a class may keep here
MAX_STAMPS = 2000  # files of a folder that are looked at for changes


@dataclass(frozen=True)
class Entry:
    """One dataset that can be chosen.

    Args:
        id: made by ``add``; what a link carries.
        title: short name for people.
        ref: what ``datasets.load_ref`` takes.
        created_s: seconds since 1970; 0 for the bundled dataset.
        owner: id of the visitor of a class who loaded it and alone sees it; "": everybody does.
    """

    id: str
    title: str
    ref: DatasetRef
    created_s: float = 0.0
    owner: str = ""


def normal(ref: DatasetRef) -> dict[str, Any]:
    """The same dataset reference with every default written out, so that two spellings compare equal."""
    source = datasets.REGISTRY.get(str(ref["name"]))
    embedding = ref.get("embedding") or TFIDF
    method = datasets.EMBEDDINGS.get(str(embedding.get("method")))
    return {"name": ref["name"], "params": _defaults(source) | (ref.get("params") or {}),
            "embedding": _defaults(method) | embedding}


def _defaults(cls: type | None) -> dict[str, Any]:
    return {spec.name: spec.default for spec in params.specs(cls)} if cls is not None else {}


def key(ref: DatasetRef) -> str:
    """Twelve hex digits that are equal for equal references."""
    text = json.dumps(normal(ref), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def bundled() -> Entry:
    """The made shop that comes with the project."""
    return Entry(BUNDLED_ID, "Synthetic shop", {"name": "synthetic", "params": {}, "embedding": TFIDF})


def _reference(found: Any) -> DatasetRef:
    """A reference from a file. Raises TypeError or KeyError for what is none."""
    return {"name": str(found["name"]), "params": dict(found.get("params") or {}), "embedding": found.get("embedding")}


def entries() -> list[Entry]:
    """Every dataset that whoever acts may use: the bundled one first, then the others, newest first."""
    found = _visible(itertools.chain(_stored(paths.subfolder("datasets").glob("*.json")), _recorded()))
    return [bundled(), *sorted(found, key=lambda entry: -entry.created_s)]


def _stored(listed: Iterable[Path]) -> Iterator[Entry]:
    """What the files of the workspace's datasets say; a file that is none is left out."""
    for path in listed:
        about = files.read_json(path) or {}
        try:
            yield Entry(path.stem, str(about["title"]), _reference(about["ref"]), float(about["created_s"]),
                        str(about.get("owner", "")))
        except (KeyError, TypeError, ValueError) as error:  # somebody else's file
            log.warning("%s is no dataset and is left out: %r", path.name, error)


def _recorded() -> Iterator[Entry]:
    for one, title, created_s in recorded.known():
        ref = recorded.reference(one)
        yield Entry(_id(title, ref), title, ref, created_s)


def _visible(found: Iterable[Entry]) -> Iterator[Entry]:
    """Those that whoever acts may use."""
    visitor = access.current()
    return (entry for entry in found if not entry.owner or access.may_change(visitor, entry.owner))


def find(dataset_id: str) -> Entry:
    """The dataset with this id. Looks no further than it must: a page asks several times, and a class has hundreds of datasets.

    Raises:
        ValueError: not an id, or none that this workspace knows.
    """
    if ID.fullmatch(dataset_id):
        own = paths.subfolder("datasets") / f"{dataset_id}.json"
        for entry in itertools.chain([bundled()], _visible(itertools.chain(_stored([own] if own.exists() else []), _recorded()))):
            if entry.id == dataset_id:
                return entry
    raise ValueError(f"No dataset '{dataset_id[:80]}' is known here; load it on the Catalogue page first.")


def find_ref(ref: DatasetRef) -> Entry | None:
    """The known dataset that this reference loads, or None."""
    wanted = key(ref)
    return next((entry for entry in entries() if key(entry.ref) == wanted), None)


def add(ref: DatasetRef, title: str) -> Entry:
    """Remember a dataset that loaded without error; the file is replaced in one move. What a teacher loads is everybody's.

    Raises:
        ValueError: a visitor of a class has as many datasets as one may have.
    """
    known = find_ref(ref)
    if known is not None:
        return known
    visitor = access.current()
    owner = "" if visitor is None or visitor.teacher else visitor.id
    if owner and sum(one.owner == owner for one in entries()) >= VISITOR_DATASETS:
        raise ValueError(f"You have {VISITOR_DATASETS} datasets here, which is the limit in a class; ask your teacher to clear "
                         "some.")
    entry = Entry(_id(title, ref, owner), title, ref, time.time(), owner)
    path = paths.subfolder("datasets") / f"{entry.id}.json"
    files.write_json(path, asdict(entry))
    return entry


def _id(title: str, ref: DatasetRef, owner: str = "") -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:32] or str(ref["name"])
    digits = hashlib.sha256((owner + key(ref)).encode()).hexdigest() if owner else key(ref)  # two may load the same
    return f"{slug}-{digits[:6]}"


def keep_upload(contents: dict[str, bytes]) -> Path:
    """Store uploaded files in a fresh folder of the workspace and return that folder.

    Args:
        contents: file name, as the browser sent it, to content.

    Raises:
        ValueError: nothing was given, a file is empty, or all together are over the limit, or over what a visitor of a class may
            keep here.
    """
    if not contents:
        raise ValueError("No file was chosen; choose the files first.")
    total = sum(map(len, contents.values()))
    if total > MAX_UPLOAD_BYTES:
        raise ValueError(f"The files hold {total / 2**20:.0f} MB, but an upload may hold at most "
                         f"{MAX_UPLOAD_BYTES // 2**20} MB; copy them to the server and give their path.")
    for name, content in contents.items():
        if not content:
            raise ValueError(f"'{name}' is empty; check the file and upload it again.")
    visitor = access.current()
    kept = 0 if visitor is None or visitor.teacher else sum(
        file.stat().st_size for folder in _folders_of(visitor.id) for file in folder.rglob("*") if file.is_file())
    if kept and kept + total > VISITOR_BYTES:
        raise ValueError(f"You keep {kept / 2**20:.0f} MB of files here and these are {total / 2**20:.0f} MB more, but a visitor "
                         f"of a class may keep {VISITOR_BYTES // 2**20} MB; ask your teacher to clear some.")
    folder = _new_folder()
    try:
        for name, content in contents.items():
            (folder / safe_name(name)).write_bytes(content)
    except OSError:  # a full disk
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _new_folder() -> Path:
    """An empty folder for uploads; in a class its name begins with the id of the visitor whose it is."""
    visitor = access.current()
    name = secrets.token_hex(8)
    folder = paths.subfolder("uploads") / (f"{visitor.id}-{name}" if visitor and visitor.id else name)
    folder.mkdir()
    return folder


def _folders_of(owner: str) -> list[Path]:
    return list(paths.subfolder("uploads").glob(f"{owner}-*")) if owner else []


def forget(owner: str) -> None:
    """Delete every dataset and upload of a visitor of a class."""
    for path in paths.subfolder("datasets").glob("*.json"):
        if owner and (files.read_json(path) or {}).get("owner") == owner:
            path.unlink(missing_ok=True)
    for folder in _folders_of(owner):
        shutil.rmtree(folder, ignore_errors=True)


def drop_uploads(ref: DatasetRef) -> None:
    """Delete the uploads that a reference names, as of a load that failed; what a dataset or run here names stays."""
    root = paths.subfolder("uploads").resolve()
    places = [Path(text).resolve() for text in _texts(ref) if "\0" not in text]
    folders = {root / place.relative_to(root).parts[0] for place in places if root in place.parents}
    known = [*paths.subfolder("datasets").glob("*.json"), *paths.subfolder("runs").glob("*/config.json")] if folders else []
    said = [file.read_text(encoding="utf-8", errors="replace") for file in known if file.is_file()]
    for folder in folders:
        if not any(folder.name in text for text in said):
            shutil.rmtree(folder, ignore_errors=True)


def vectors_alone(path: str, ids: str = "", tensor: str = "", apart: bool = False) -> DatasetRef:
    """The reference of a dataset that is made of embeddings and nothing else: no texts, no histories.

    A table with one item a row of the file is written to the workspace beside the uploads.

    Args:
        path: .npy or .safetensors, one row an item.
        ids: file with the id of each row; row numbers are the ids without it.
        tensor: its name, where a .safetensors file holds several.
        apart: check the files in a process with bounded memory and time; for servers.

    Raises:
        ValueError: the file is no table of numbers, or ids and rows do not match.
    """
    given = vectors.Given(path, ids, tensor)
    listed, n_rows = isolated.vectors_of(given) if apart else given.rows()  # before anything is written
    names = listed or [str(row) for row in range(n_rows)]
    folder = _new_folder()
    lines = ["item_id,title", *(f'"{name}","{"" if ids else "Item "}{name}"' for name in
                                (name.replace('"', '""') for name in names))]
    table = folder / f"{safe_name(Path(path).stem)}.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    embedding = {"method": "given", "path": path} | {name: value for name, value in
                                                     (("ids", ids), ("tensor", tensor)) if value}
    return {"name": "tables", "params": {"items": str(table)}, "embedding": embedding}


def stamps(ref: Any) -> list[tuple[str, int, int]]:
    """Path, time of the last change (ns) and bytes of every file that a dataset reference names, to tell a changed one.

    A folder stands for the files in it and one level below, RecBole's .inter file also for the files beside it.
    """
    found = []
    for text in _texts(ref):
        with contextlib.suppress(OSError, ValueError, RuntimeError):  # no path at all, or one that nobody may read
            for file in _files_of(Path(text).expanduser()):
                about = file.stat()
                found.append((str(file), about.st_mtime_ns, about.st_size))
    return found


def _texts(ref: Any) -> list[str]:
    """Every text among a reference's values: its paths are among them."""
    parts = [ref.get(name) for name in ("params", "embedding")] if isinstance(ref, dict) else []
    return sorted({text for part in parts if isinstance(part, dict) for text in part.values()
                   if isinstance(text, str) and text})


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        inside = itertools.chain(path.iterdir(), path.glob("*/*"))
        return sorted(file for file in itertools.islice(inside, MAX_STAMPS) if file.is_file())
    stems = {path.stem, path.stem.removesuffix(".train").removesuffix(".valid").removesuffix(".test")}
    beside = [path.with_name(stem + ending) for stem in sorted(stems) for ending in (".item", ".user")] \
        if path.suffix == ".inter" else []
    return [file for file in (path, *beside) if file.is_file()]


def safe_name(name: str) -> str:
    """The last part of a file name with only letters, digits, dot, dash and underscore left."""
    return paths.safe_name(name) or "file"
