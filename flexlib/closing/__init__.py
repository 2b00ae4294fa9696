"""Closes a month in one run: which steps there are, whether each has to run, and what came of it."""
