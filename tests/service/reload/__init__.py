"""Other settings for a running daemon."""
