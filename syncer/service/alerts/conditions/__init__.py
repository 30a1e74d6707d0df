"""What people are told of: the conditions, and how it is found out that one holds."""
