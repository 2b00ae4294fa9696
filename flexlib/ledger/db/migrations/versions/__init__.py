"""One file a revision, `r<number>_<what>.py`; a released one never changes."""
