"""The runbook: every command on the page, carried out where its situation is real."""
