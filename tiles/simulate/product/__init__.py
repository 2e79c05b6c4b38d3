"""One scene as a complete L2A product, with its truth."""
