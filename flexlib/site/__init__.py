"""All months as a folder of pages that link to each other and need no server."""
