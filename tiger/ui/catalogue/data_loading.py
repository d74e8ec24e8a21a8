"""Load one's own data: one form per source, from the registry; what was loaded stays until the new is in."""

import importlib.util
from typing import Any

import streamlit as st

from tiger import datasets
from tiger.core import params, paths
from tiger.core.params import Spec, Values
from tiger.datasets import registry
from tiger.datasets.io import pictures, readers
from tiger.datasets.reference import DatasetRef
from tiger.datasets.sources import grouplens
from tiger.datasets.sources.movielens import MovieLens
from tiger.ui.shared import forms, layout, own_files, state

UPLOAD, ON_SERVER = "Upload files", "Path on the server"
VECTORS = "vectors"
PICTURES = "pictures"
PATHS = ("path", "ids", "items", "interactions", "reviews", "metadata", PICTURES)


def is_path(spec: Spec) -> bool:
    """Whether a hyper-parameter names a file or folder."""
    return spec.kind is str and spec.choices is None and spec.name.removesuffix("_path") in PATHS


def panel() -> None:
    """Choose a source, give its files and settings, load."""
    titles = {name: source.title for name, source in datasets.REGISTRY.items() if name != "recorded"} | {VECTORS: "Vectors alone"}
    name = st.pills("Where does the data come from?", list(titles), format_func=titles.__getitem__,
                    default="tables" if "tables" in titles else next(iter(titles)), required=True, key="source")
    if name == VECTORS:
        st.markdown("Embeddings without texts or histories: a dataset of their own, or other vectors for the items of this one.")
        with st.container(border=True), layout.guard("The form"):
            own_files.vectors()
        return
    source = datasets.REGISTRY[name]
    st.markdown(source.summary)
    if source is MovieLens:
        with layout.guard("The download"):
            fetch()
    with st.container(border=True), layout.guard("The form"):
        values = _form(params.specs(source), f"load:{name}")
        embedding = _embedding(name)
        title = st.text_input("Name", key=f"load:{name}:title", max_chars=60,
                              placeholder="title in the sidebar; optional")
        if st.button("Load", type="primary", icon=":material/upload:", key=f"load:{name}:go"):
            state.load_dataset(_reference(name, values, embedding), title.strip())


def fetch() -> None:
    """GroupLens's archives: licence and size first, then a button, a bar and a checked file."""
    with st.expander("Download an archive from GroupLens", icon=":material/download:", key="fetch"):
        name = st.segmented_control("Archive", list(grouplens.ARCHIVES), required=True, key="archive",
                                    default=next(iter(grouplens.ARCHIVES)))
        archive = grouplens.ARCHIVES[name]
        st.markdown(f"**{archive.n_bytes / 2**20:.1f} MB** from {archive.url}  \n"
                    f"SHA-256 `{archive.sha256}`, checked after the download.")
        st.caption(archive.licence)
        if grouplens.downloaded(name):
            st.success(f"{name} is downloaded. Choose it as the variant below and leave the path empty.")
        elif st.button(f"I accept the licence: download {name}", key="fetch:go"):
            bar = st.progress(0.0, "Connecting …")
            grouplens.download(name, lambda have, whole: bar.progress(  # type: ignore[arg-type, return-value]
                have / whole, f"{have / 2**20:.1f} of {whole / 2**20:.1f} MB"))
            st.rerun()


def _form(specs: list[Spec], key: str) -> Values:
    """Files first, by upload or by path, then the settings; a file's value is a path or what was uploaded."""
    files = [spec for spec in specs if is_path(spec)]
    found: Values = {}
    if files:
        how = st.segmented_control("Files", [UPLOAD, ON_SERVER], default=UPLOAD, required=True,
                                   key=f"{key}:how")
        for place, spec in zip(st.columns(len(files)), files, strict=True):
            with place:
                found[spec.name] = _uploader(spec, key) if how == UPLOAD else _path(spec, key)
    return found | forms.fields([spec for spec in specs if not is_path(spec)], key, columns=3)


def _uploader(spec: Spec, key: str) -> Any:
    if spec.name == PICTURES:
        return st.file_uploader("Pictures", [*(ending[1:] for ending in pictures.ENDINGS), "zip"], accept_multiple_files=True,
                                key=f"{key}:{spec.name}:up", help="Pictures of the items, one by one or as a zip archive; the "
                                "column image of the items' table names each one's file.")
    return st.file_uploader(forms.words(spec.name), accept_multiple_files=True, key=f"{key}:{spec.name}:up",
                            help=spec.help)


def _path(spec: Spec, key: str) -> str:
    return st.text_input(forms.words(spec.name), spec.default or "", key=f"{key}:{spec.name}:at",
                         help=spec.help, placeholder="a path on this server").strip()


def _embedding(name: str) -> Values:
    """Which embedding, and its settings."""
    methods = {key: method.title for key, method in datasets.EMBEDDINGS.items()}
    if importlib.util.find_spec("sentence_transformers") is None:
        methods.pop("sentence", None)
    method = st.selectbox("Embedding", list(methods), format_func=methods.__getitem__,
                          key=f"load:{name}:embedding",
                          help="How an item's text becomes a vector. Sentence models need the package sentence-transformers.")
    st.caption(datasets.EMBEDDINGS[method].summary)
    return {"method": method} | _form(params.specs(datasets.EMBEDDINGS[method]), f"load:{name}:{method}")


def _reference(name: str, values: Values, embedding: Values) -> DatasetRef:
    """What is to be loaded, its uploads stored; where one file is refused, none of them stays."""
    placed: Values = {"params": {}, "embedding": {}}
    ref: DatasetRef = {"name": name, **placed}  # type: ignore[typeddict-item]
    try:
        _place(values, placed["params"])
        _place(embedding, placed["embedding"])
    except Exception:
        registry.drop_uploads(ref)
        raise
    return ref


def _place(values: Values, placed: Values) -> None:
    """Fill in values whose files are paths that may be read: uploads are stored first, typed paths are checked."""
    for name, value in values.items():
        if isinstance(value, list):
            if not value:
                continue  # left out: the source's default, or its own words on what is missing
            uploaded = {file.name: file.getvalue() for file in value}
            folder = registry.keep_upload(pictures.unpacked(uploaded) if name == PICTURES else uploaded)
            alone = len(value) == 1 and name != PICTURES
            placed[name] = str(folder / registry.safe_name(value[0].name) if alone else folder)
        else:
            typed = value and name.removesuffix("_path") in PATHS
            folder_of_model = name == "model" and readers.find_place(value) is not None
            placed[name] = str(paths.check_readable(value)) if typed or folder_of_model else value
