"""The page on a month's spend."""
