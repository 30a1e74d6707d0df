"""The first hour of a server: docs/install.md and the README, command by command, on bare machines."""
