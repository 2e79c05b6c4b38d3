"""Map a whole coast: what is asked, the plan of it, and what became of each part."""
