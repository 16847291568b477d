"""Worlds in space, drawn by panda3d."""
