"""Sources of catalogues, one a file."""
