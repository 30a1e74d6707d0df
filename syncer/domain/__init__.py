"""Words and rules: rights, states, policy, deadlines, reason codes; no file, no database, no clock of its own."""
