"""Networks, how far they see, and how their weights are kept and carried over."""
