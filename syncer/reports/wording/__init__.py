"""What the reports say: states, rights, endings and audit entries in words, moments of one zone, case numbers."""
