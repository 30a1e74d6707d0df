"""What stands around the web console in tests."""
