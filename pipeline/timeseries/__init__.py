"""Follow the shore along transects, date by date, and fit its rates."""
