"""A month of Windsurf's credits: asked by a route, proven, certified."""
