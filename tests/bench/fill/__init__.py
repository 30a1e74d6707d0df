"""A filled installation: as many genuine events as wanted, each with its entries in the log."""
