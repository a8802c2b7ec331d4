"""Servers of the Model Context Protocol, whose tools a model may use once a person has classified them."""
