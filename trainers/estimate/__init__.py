"""How good actions turned out to be."""
