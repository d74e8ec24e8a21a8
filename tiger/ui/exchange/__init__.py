"""The Import, export page."""
