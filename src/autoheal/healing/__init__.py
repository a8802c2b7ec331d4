"""2. HEAL. Triage, recall, investigate, review, decide, mitigate, verify, close: one durable run each."""
