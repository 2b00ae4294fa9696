"""Finished frames as charts, tables and sections of a page; nothing is computed here."""
