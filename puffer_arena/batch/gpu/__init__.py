"""Batches whose rows live in the memory of a GPU and are stepped there."""
