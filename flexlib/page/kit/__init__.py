"""What every page is made of: markup, charts as SVG, colours."""
