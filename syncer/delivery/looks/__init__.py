"""Looks for people who are back: how one is made, what it has found so far, and how far one came that broke off."""
