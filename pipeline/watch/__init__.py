"""A round of an area: search, map, compare, publish, measure, tell."""
