"""Environments of other libraries as batches: what they see and do, how they are named, and who steps them."""
