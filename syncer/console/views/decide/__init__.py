"""What people decide, each with a plan or a reason before them."""
