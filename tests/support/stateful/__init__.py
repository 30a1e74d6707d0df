"""One installation that a machine drives step by step: its daemon, its desk, its providers, and who judges it."""
