"""Who steps the rows: inline, or on threads."""
