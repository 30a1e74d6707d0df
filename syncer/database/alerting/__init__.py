"""The SQL of alerts: which are open, who was told, what is on its way, and what they are raised for."""
