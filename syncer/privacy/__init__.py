"""What keeps a person out of sight: normal form and pseudonym, the seal, and masking."""
