"""HOW A CAUSE IS RANKED. The evidence engine: pure functions on arrays, no model and no I/O."""
