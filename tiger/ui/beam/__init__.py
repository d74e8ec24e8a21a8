"""The Beam page."""
