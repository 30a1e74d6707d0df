"""What makes the catalogues of texts, and what reads pages for texts that are in none."""
