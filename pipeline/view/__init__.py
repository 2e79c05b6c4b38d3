"""A result as one page for a browser: pictures, lines over them, and what is known of each. It asks no network."""
