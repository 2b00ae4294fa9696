"""Limits that hold while calls are under way: held before a call, settled with what it cost."""
