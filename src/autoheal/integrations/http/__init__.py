"""One bounded HTTP call to an outside system; the one folder that other integrations may build on."""
