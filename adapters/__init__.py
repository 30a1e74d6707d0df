"""Destinations: what it takes to erase, unsubscribe or suppress a person at a provider."""
