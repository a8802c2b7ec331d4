"""4. REPLAY: the flight recorder, cases, replay."""
