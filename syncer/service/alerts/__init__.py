"""Tells people what needs them: conditions become alerts, alerts messages, and messages leave by channels."""
