"""Bots for other programs, over a wire: the messages, and the server that answers them."""
