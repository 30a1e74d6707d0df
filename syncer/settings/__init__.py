"""settings.toml and the environment become one checked value."""
