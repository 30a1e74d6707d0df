"""The log and what makes it believable."""
