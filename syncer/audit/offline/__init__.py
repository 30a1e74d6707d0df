"""What a stranger needs to verify the log: no database, no secret."""
