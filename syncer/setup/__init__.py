"""Make an installation and prove that it is sound."""
