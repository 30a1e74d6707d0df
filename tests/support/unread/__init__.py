"""Recipients of which nobody can read back what became of an order, and an installation that has some of them."""
