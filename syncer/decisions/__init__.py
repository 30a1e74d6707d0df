"""What a person decides, with a reason."""
