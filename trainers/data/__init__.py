"""What a rollout holds, and how it is collected."""
