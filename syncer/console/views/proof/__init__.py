"""What people take out, and why it can be believed: reports, dossiers, the audit, alerts."""
