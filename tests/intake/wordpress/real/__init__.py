"""Tests that drive a real WordPress."""
