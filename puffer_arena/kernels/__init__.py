"""The kernels that step rows: solo and several agents, with or without an engine."""
