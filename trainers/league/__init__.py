"""Leagues: who plays the agents that a policy does not steer while it learns, and how good they all are."""
