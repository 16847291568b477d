"""panda3d's Bullet behind the verbs of `engines`."""
