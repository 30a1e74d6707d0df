"""What a user is told about the commands: sections, examples, exit codes, completion."""
