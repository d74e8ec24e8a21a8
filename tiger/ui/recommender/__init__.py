"""The Recommender page."""
