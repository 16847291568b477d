"""Levels that people draw: files to read, and rows that begin there."""

from puffer_arena.levels.drawn import Level, draw_level, read_level, snapshot_of, take_level, write_level

__all__ = ["Level", "draw_level", "read_level", "snapshot_of", "take_level", "write_level"]
