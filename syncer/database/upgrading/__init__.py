"""An upgrade of the schema: by one process at a time, and shown before it is done."""
