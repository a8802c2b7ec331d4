"""WHAT IS KNOWN. The production context graph: catalog, facts, skills, decisions, search."""
