"""What whoever acts may decide alone, and what waits for a second person."""
