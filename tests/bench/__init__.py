"""`make bench`: every figure a ratio within the run or a count, each with its target."""
