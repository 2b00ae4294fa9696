"""The page on calls to LLMs and their spend."""
