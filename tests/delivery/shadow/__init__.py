"""Tests of destinations in shadow mode."""
