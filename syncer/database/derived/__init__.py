"""What the database derives from its rows: how many there are, and which values a column holds."""
