"""What commands print: words for people, JSON for scripts."""
