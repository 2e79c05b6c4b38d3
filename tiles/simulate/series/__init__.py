"""One coast on many dates, its shore moved by a known distance."""
