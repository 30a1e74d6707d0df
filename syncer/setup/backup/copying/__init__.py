"""How each engine is copied and put back."""
