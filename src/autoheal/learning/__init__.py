"""3. PULL REQUESTS OUT. Five lessons of each closed incident, each with its proof or a reason."""
