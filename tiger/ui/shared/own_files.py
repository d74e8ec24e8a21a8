"""Files of one's own: by upload or by path; and the form for vectors, which two pages show."""

from pathlib import Path

import streamlit as st

from tiger.core import paths
from tiger.datasets import registry
from tiger.datasets.reference import DatasetRef
from tiger.ui.shared import state

UPLOAD, ON_SERVER = "Upload a file", "Path on the server"
THESE, THEIR_OWN = "Items of this dataset", "New items"
CONVERTED = ["pt", "pth", "npz", "pkl"]  # chosen often; refused with the words that convert them


def choose(key: str, kinds: list[str], words: str, label: str = "File") -> Path | None:
    """A file by upload or by path; None while there is none. An upload is stored once."""
    how = st.segmented_control(f"{label}: source", [UPLOAD, ON_SERVER], default=UPLOAD, required=True, key=f"how:{key}",
                               label_visibility="collapsed")
    if how == ON_SERVER:
        typed = st.text_input(label, key=f"path:{key}", placeholder="a path on this server", help=words).strip()
        return paths.check_readable(typed) if typed else None
    given = st.file_uploader(label, kinds, key=f"file:{key}", help=words)
    if given is None:
        return None
    kept: dict[str, str] = st.session_state.setdefault("uploads", {})
    if given.file_id not in kept or not Path(kept[given.file_id]).exists():
        folder = registry.keep_upload({given.name: given.getvalue()})
        kept[given.file_id] = str(folder / registry.safe_name(given.name))
    return Path(kept[given.file_id])


def vectors() -> None:
    """Embeddings alone, or other embeddings for the items of this dataset."""
    path = choose("vectors", ["npy", "safetensors", *CONVERTED], "One row per item, (items, width).")
    rows = choose("ids_of_vectors", ["txt", "json", "csv", "tsv", "parquet"],
                  "The item id of each row, one per line; optional.", "Item ids (optional)")
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    whose = left.segmented_control("The vectors belong to", [THEIR_OWN, THESE], default=THEIR_OWN, required=True, key="whose")
    tensor = middle.text_input("Tensor", key="tensor", help="Name of the tensor, where a .safetensors file has several.")
    name = right.text_input("Name", path.stem if path else "", key="vectors_name", max_chars=60)
    if st.button("Load the vectors", type="primary", icon=":material/upload:", key="load_vectors"):
        if path is None:
            raise ValueError("No file was chosen; choose an .npy or .safetensors file first.")
        ids_path = str(rows) if rows else ""
        if whose == THESE:
            given = {"method": "given", "path": str(path), "ids": ids_path, "tensor": tensor.strip()}
            ref: DatasetRef = state.dataset_ref() | {"embedding": {key: value for key, value in given.items() if value}}
            name = f"{state.dataset().title}, {name or path.stem}"
        else:
            ref = registry.vectors_alone(str(path), ids_path, tensor.strip(), apart=True)
        state.load_dataset(ref, name or path.stem)
