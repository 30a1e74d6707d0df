"""What people look at: what needs them, every request, one of them, a person, the recipients."""
