"""Tests of the web console: browser."""
