"""The editor: levels painted and arranged by hand."""
