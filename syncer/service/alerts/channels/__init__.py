"""The ways by which messages leave: mail, a signed webhook, and whatever apprise reaches."""
