"""Looking for settings: sweeps over what a run learns by, and tuning of how fast it runs on this machine."""
