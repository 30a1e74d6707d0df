"""Tests of the web console: account."""
