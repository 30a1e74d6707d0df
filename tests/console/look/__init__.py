"""Tests of the web console: look."""
