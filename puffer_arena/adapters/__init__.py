"""Gymnasium and PettingZoo in front of a batch."""
