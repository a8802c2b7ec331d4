"""Pages a person through webhooks and a local file, with no model and no chat in between."""
