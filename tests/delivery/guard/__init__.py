"""Tests of the guard: what it stops, and that it stops nothing else."""
