"""THE DOORS. Thin: parse, call app, render; each may be removed without the others noticing."""
