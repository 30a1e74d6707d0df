"""Taking something out by the console: few at a time, audited before the first octet is answered."""
