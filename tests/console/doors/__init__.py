"""Other ways into the console than its own sign-in."""
