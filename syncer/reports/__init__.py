"""The read side: events, status, the propagation log, a person's dossier."""
