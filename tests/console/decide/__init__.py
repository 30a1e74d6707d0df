"""Tests of the web console: decide."""
