"""The training core: rollout, advantage, objective, optimizer, networks."""
