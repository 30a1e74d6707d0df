"""Commands of an operator: one module for each part."""
