"""Tests of the web console: proof."""
