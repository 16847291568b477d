"""Palette, fonts, tuned configs and trained bots."""
