"""The requests of a report: read in pages, and cut into files where they are many."""
