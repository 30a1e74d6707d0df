"""WordPress on the other side: the must-use plugin that feeds the queue, the sweep behind it, the answer back."""
