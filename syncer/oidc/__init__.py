"""Signing in at an identity provider (OpenID Connect): what it says of itself, and what it says of a person."""
