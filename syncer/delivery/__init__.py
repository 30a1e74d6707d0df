"""The work at destinations: carry out, read back, look again."""
