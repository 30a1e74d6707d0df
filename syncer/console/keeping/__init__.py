"""What the console writes for itself, beside the audit."""
