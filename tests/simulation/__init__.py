"""A seeded run of the whole walk in virtual time, with providers that misbehave and judges that see everything."""
