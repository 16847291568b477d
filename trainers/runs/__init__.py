"""Runs: their folder, checkpoints, and how they are found."""
