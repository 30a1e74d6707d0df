"""How the keys of a table in settings.toml are declared and read."""
