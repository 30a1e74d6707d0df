"""The words and rules of the house: rights, states, policy, deadlines; no file, no database, no clock of its own."""
