"""Trained bots outside the trainer: one file, numpy alone; docs/bots.md shows them at work."""
