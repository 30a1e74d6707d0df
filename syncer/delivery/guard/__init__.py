"""The guard: unusually many deletions at a destination stop and ask a person."""
