"""Write semantic IDs for other tools: index.json, Parquet, and the Embedding Projector's TSV pair."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tiger.core.words import counted, there
from tiger.datasets.catalogue import Catalogue
from tiger.semantic_ids.ids import SemanticIds

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def index_json(ids: SemanticIds, item_ids: list[str] | None = None, order_N: np.ndarray | None = None) -> str:
    """Item to tokens, ``{"0": ["<a_12>", "<b_3>"]}``, the form that LC-Rec, LETTER and MiniOneRec read.

    Args:
        item_ids: keys instead of item numbers.
        order_N: items in the order in which they count from 0, others are left out; with ``first_appearance`` the
            keys are the item numbers of those systems.
    """
    order_N = np.arange(len(ids)) if order_N is None else order_N
    keys = item_ids if item_ids is not None else [str(place) for place in range(len(order_N))]
    columns = [[f"<{LETTERS[level]}_{code}>" for code in ids.ids_IM[order_N, level].tolist()]
               for level in range(ids.ids_IM.shape[1])]
    rows = zip(*columns, strict=True)
    known = zip(keys, rows, ids.has_id_I[order_N], strict=True)
    return json.dumps({key: list(row) for key, row, has_id in known if has_id})


def id_table(ids: SemanticIds, catalogue: Catalogue | None = None) -> pd.DataFrame:
    """One row per item that has an ID: item, item_id, title, category, semantic_id, code_1.., collision."""
    table = pd.DataFrame({"item": np.arange(len(ids))})
    if catalogue is not None:
        _check_fits(ids, catalogue)
        for column in ("item_id", "title", "category"):
            table[column] = catalogue.items[column].astype(str).to_numpy()
    table["semantic_id"] = ["-".join(map(str, row)) for row in ids.ids_IM.tolist()]
    for level in range(ids.n_levels):
        table[f"code_{level + 1}"] = ids.ids_IM[:, level]
    if ids.has_collision_level:
        table["collision"] = ids.ids_IM[:, -1]
    return table[ids.has_id_I].reset_index(drop=True)


def parquet_bytes(ids: SemanticIds, catalogue: Catalogue, embedding: bool = False,
                  place_I2: np.ndarray | None = None) -> bytes:
    """The table of ``id_table`` as Parquet, which Embedding Atlas opens.

    ``embedding-atlas FILE --x projection_x --y projection_y`` shows the places; ``--vector embedding`` makes it
    compute its own.

    Args:
        embedding: add the embeddings as a column of lists.
        place_I2: where each item lies on a map; adds projection_x and projection_y.
    """
    frame = id_table(ids, catalogue)
    if place_I2 is not None:
        frame["projection_x"], frame["projection_y"] = np.asarray(place_I2, np.float32)[ids.has_id_I].T
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if embedding:
        emb_NE = np.ascontiguousarray(catalogue.embedding_IE[ids.has_id_I], np.float32)
        column = pa.FixedSizeListArray.from_arrays(pa.array(emb_NE.reshape(-1)), emb_NE.shape[1])
        table = table.append_column("embedding", column)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def projector_tsv(ids: SemanticIds, catalogue: Catalogue,
                  vectors_IN: np.ndarray | None = None) -> tuple[str, str]:
    """Vectors and metadata for projector.tensorflow.org: two TSV texts with the same rows.

    Args:
        vectors_IN: what to show; the catalogue's embeddings by default.
    """
    vectors_IN = catalogue.embedding_IE if vectors_IN is None else vectors_IN
    _check_fits(ids, catalogue)
    buffer = io.StringIO()
    np.savetxt(buffer, vectors_IN[ids.has_id_I], fmt="%.6g", delimiter="\t")
    metadata = id_table(ids, catalogue).replace(r"[\t\r\n]+", " ", regex=True)
    lines = ["\t".join(map(str, row)) for row in [tuple(metadata), *metadata.itertuples(index=False)]]
    return buffer.getvalue(), "\n".join(lines) + "\n"


def _check_fits(ids: SemanticIds, catalogue: Catalogue) -> None:
    if len(ids) != catalogue.n_items:
        raise ValueError(f"{there(len(ids), 'ID')} for {counted(catalogue.n_items, 'item')}; "
                         "export with the catalogue that the IDs were made for.")
