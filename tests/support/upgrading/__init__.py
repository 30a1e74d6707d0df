"""Schemas of earlier revisions, and upgrades that are killed."""
