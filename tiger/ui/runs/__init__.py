"""The Runs page: the table of all runs, what can be done with chosen ones, and their comparison."""
