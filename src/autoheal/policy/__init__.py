"""WHAT IS ALLOWED. Decided outside the model, by tables."""
