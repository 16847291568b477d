"""Replays for those who have not got puffer_arena: GIF, MP4 and one HTML file."""
