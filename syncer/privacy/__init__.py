"""What keeps a person out of sight: the normal form of an address, pseudonym and seal, and what may be shown."""
