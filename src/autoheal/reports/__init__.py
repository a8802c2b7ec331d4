"""5. PROOF: metrics, economics, level, morning."""
