"""The study pages and the lessons."""
