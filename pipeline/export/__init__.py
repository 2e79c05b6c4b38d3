"""Shape the vectors of a result as a user wants them, and write more of them beside a result that exists."""
