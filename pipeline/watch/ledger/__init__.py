"""What a watcher saw and did, in SQLite or PostgreSQL."""
