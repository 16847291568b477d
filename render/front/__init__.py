"""The launcher: games, runs and replays to choose from."""
