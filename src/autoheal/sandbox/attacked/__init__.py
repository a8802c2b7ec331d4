"""Hostile text in everything that Autoheal reads, a model that obeys it, and a judge of what followed."""
