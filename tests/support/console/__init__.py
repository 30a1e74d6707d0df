"""What tests of the web console share."""
