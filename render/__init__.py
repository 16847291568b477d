"""Drawing: pygame backends, the window and its panels."""
