"""The same erasures carried out by other job queues, for the figures beside syncer's own."""
