"""What each account of an installation may do, and no more: one list of grants for each."""
