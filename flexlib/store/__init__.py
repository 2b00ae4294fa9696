"""Months as snapshots, drafts of them, kept rates and prices: immutable, whole or not there at all."""
