"""What a stranger needs to check the log: no database, no secret."""
