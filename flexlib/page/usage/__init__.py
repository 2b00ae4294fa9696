"""Parts of a page on calls."""
