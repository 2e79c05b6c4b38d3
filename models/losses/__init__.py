"""What training minimises: pixel losses, edge losses, and their weighted sum."""
