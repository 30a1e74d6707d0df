"""The tables of settings.toml about the web console."""
