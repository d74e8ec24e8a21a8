"""Semantic IDs: codes made unique, decoder tokens, import from and export to other systems."""

from tiger.semantic_ids.alignment import ALIGNMENTS, Fit, first_appearance, fits
from tiger.semantic_ids.exports import id_table, index_json, parquet_bytes, projector_tsv
from tiger.semantic_ids.ids import SemanticIds
from tiger.semantic_ids.imports import N_CODES, Imported, ImportReport, import_ids
from tiger.semantic_ids.readers import read

__all__ = ["ALIGNMENTS", "N_CODES", "Fit", "ImportReport", "Imported", "SemanticIds", "first_appearance", "fits", "id_table",
           "import_ids", "index_json", "parquet_bytes", "projector_tsv", "read"]
