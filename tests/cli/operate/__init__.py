"""Tests of the commands for unattended work."""
