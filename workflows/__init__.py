"""How work is started: the command line, a file a command."""
