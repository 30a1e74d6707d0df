"""What those who watch are given: rules for alerts, a dashboard."""
