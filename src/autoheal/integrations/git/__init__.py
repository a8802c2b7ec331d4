"""Git repositories on this machine: the forge, the reviewed skills, the context repository."""
