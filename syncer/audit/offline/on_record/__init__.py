"""What a log says of itself, held against the rest of it: purges, restores and replaced keys on record."""
