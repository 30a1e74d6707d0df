"""What lists and counts read of events and deliveries: the few by an index, the many in pages."""
