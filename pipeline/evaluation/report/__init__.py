"""An evaluation as a page, with the same numbers as JSON and CSV."""
