"""Backups, their restore, and neighbouring versions."""
