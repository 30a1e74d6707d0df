"""Helpers for tests of unattended work."""
