"""Tallies: what calls came to by hour and day, kept by the database itself as they are recorded."""
