"""Groups of tables that belong together."""
