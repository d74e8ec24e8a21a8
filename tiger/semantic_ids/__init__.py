"""Semantic IDs: codes made unique, decoder tokens, import from and export to other systems.

``SemanticIds`` needs numpy and safetensors only; what reads and writes tables is imported when it is first used.
"""

from typing import TYPE_CHECKING

from tiger.core import lazy
from tiger.semantic_ids.ids import SemanticIds

if TYPE_CHECKING:
    from tiger.semantic_ids.alignment import ALIGNMENTS, Fit, first_appearance, fits
    from tiger.semantic_ids.conventions import COLLISION_TOKEN
    from tiger.semantic_ids.exports import id_table, index_json, parquet_bytes, projector_tsv
    from tiger.semantic_ids.imports import N_CODES, Imported, ImportReport, import_ids
    from tiger.semantic_ids.readers import read, read_apart

__all__ = ["ALIGNMENTS", "COLLISION_TOKEN", "N_CODES", "Fit", "ImportReport", "Imported", "SemanticIds", "first_appearance",
           "fits", "id_table", "import_ids", "index_json", "parquet_bytes", "projector_tsv", "read", "read_apart"]
__getattr__ = lazy.names_from(__name__, {
    "alignment": ("ALIGNMENTS", "Fit", "first_appearance", "fits"),
    "conventions": ("COLLISION_TOKEN",),
    "exports": ("id_table", "index_json", "parquet_bytes", "projector_tsv"),
    "imports": ("N_CODES", "Imported", "ImportReport", "import_ids"),
    "readers": ("read", "read_apart")})
