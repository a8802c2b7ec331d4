"""HOW A MODEL IS ASKED. From the engine's digest to a typed answer whose every claim is checked by code."""
