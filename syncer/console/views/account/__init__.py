"""Signing in and out, one's own account, and those of others."""
