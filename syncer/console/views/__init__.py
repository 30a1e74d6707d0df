"""One module a screen: what it shows, and what it does."""
