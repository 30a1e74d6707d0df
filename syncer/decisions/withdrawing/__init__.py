"""What closes requests that were made by mistake, one or many."""
