"""From the queue row to the event."""
