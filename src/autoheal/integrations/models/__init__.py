"""AI models of any vendor or of one's own machine, through pydantic-ai, imported when one is first asked."""
