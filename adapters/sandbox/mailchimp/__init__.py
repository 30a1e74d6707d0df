"""Mailchimp, played on this machine."""
