"""The teacher's page of a class."""
