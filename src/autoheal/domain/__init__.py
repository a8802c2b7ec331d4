"""THE WORDS. Nouns of production engineering, frozen and without I/O; standard library only."""
