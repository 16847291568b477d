"""What programs say to one another over a socket: frames, keys, and the messages' schema (`protocol.json`)."""
