"""Experiments as generators of rows: drift, cold start, diversity."""
