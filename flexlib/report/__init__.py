"""A notebook run with its parameters and rendered as one page."""
