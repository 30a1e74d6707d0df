"""The ways to run: for ever, or until nothing is due."""
