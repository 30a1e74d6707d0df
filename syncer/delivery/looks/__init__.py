"""Looks for people who are back: how far one came that was not finished."""
