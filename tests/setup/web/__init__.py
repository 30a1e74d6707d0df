"""What must be right before the web console is opened to people."""
