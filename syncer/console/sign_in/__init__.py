"""Who may sign in, how they show that it is they, and for how long they are believed."""
