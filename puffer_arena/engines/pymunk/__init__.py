"""pymunk behind the verbs of `engines`."""
