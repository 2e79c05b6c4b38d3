"""Make scenes whose truth is known."""
