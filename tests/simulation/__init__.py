"""A seeded run of the whole walk in virtual time, with a provider that misbehaves and a judge that watches."""
