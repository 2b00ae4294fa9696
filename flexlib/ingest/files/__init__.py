"""Files of calls: merged month by month with what is stored, nothing counted twice."""
