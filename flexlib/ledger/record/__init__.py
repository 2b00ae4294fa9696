"""Calls recorded, priced, filled, repriced."""
