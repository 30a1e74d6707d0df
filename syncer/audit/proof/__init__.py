"""What this installation does for the proof: sign, carry notes away, verify, purge."""
