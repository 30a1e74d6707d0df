"""What the pages read: paged, by an index, never more than one page."""
