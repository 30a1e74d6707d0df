"""Real receivers of messages on loopback: a mail server, and what takes webhooks."""
