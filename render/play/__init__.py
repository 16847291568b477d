"""The window in which a person plays."""
