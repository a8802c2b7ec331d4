"""THE RIG. A small live production with faults to inject: real processes, real alerts, nothing simulated."""
