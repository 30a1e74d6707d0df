"""Destinations in shadow mode: read and judged as ever, and never written to."""
