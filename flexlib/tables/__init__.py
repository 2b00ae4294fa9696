"""Finished frames -> finished tables: what is in each column and how its total is made, for page, console and file."""
