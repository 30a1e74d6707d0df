"""The tables of settings.toml about who is told what, where, and when."""
