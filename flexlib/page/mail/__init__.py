"""A month, or somebody's part of it, as a mail that every mail program shows whole."""
