"""Tests of the web console: serving."""
