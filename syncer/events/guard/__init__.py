"""The stop of a lane that the guard tripped: what waits there, and how it ends."""
