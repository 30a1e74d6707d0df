"""Passkeys: what a browser is asked, whether its answer is believed, and where people's keys are kept."""
