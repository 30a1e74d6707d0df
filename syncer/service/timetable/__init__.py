"""What a daemon does beside its lanes, and how often."""
