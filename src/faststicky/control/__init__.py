"""From what a source discovers to the table that the workers serve: keys, tokens, saved state, the control thread."""
