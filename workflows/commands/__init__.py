"""The commands, a file each; heavy imports are late, so that --help answers at once."""
