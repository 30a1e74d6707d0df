"""The one way out to HTTP."""
