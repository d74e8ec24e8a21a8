"""Bounded readers of files from users: sizes are checked before anything is allocated."""
