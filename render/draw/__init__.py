"""Drawing into memory."""
