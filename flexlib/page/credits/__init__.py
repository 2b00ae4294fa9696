"""The page on flex credits."""
