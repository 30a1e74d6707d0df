"""Tests of what a user is told about the commands."""
