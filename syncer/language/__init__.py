"""Texts, dates and numbers in the language of whoever reads them."""
