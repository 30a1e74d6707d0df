"""Upgrades: from every revision, killed at every step, shown before they are done."""
