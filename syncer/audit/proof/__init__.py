"""What this installation does about the proof: sign, carry away, verify, purge."""
