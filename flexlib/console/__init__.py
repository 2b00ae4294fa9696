"""Finished frames and certificates as the text that a terminal shows."""
