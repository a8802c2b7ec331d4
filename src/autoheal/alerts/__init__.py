"""1. ALERT IN. Deliveries become alerts on one scale, each occurrence once, grouped by their fault."""
