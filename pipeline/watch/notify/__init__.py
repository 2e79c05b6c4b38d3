"""Tell people: by webhook, e-mail or command."""
