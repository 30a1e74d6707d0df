"""Pages for people who have no shell: read, look a person up, take proofs out, decide."""
