"""Frames on the wire: a publisher in the trainer, a subscriber in the window."""
