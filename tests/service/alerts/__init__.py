"""Tests of alerts: what is raised, who is told, and how messages leave."""
