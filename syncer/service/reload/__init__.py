"""Other settings for a running daemon: how it is told, what of them it can take, and who works on under them."""
