"""The whole log verified: in one passage, with its notes, against the tables, and how that ended."""
