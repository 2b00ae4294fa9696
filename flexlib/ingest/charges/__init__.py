"""Bills: each file's charges stored by month, beside those of other files, never added to calls."""
