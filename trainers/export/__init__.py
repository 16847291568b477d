"""From a policy to a bot's file."""
