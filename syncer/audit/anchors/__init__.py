"""Where signed notes go."""
