"""Plain files that operators edit or touch: the policy and the kill switch."""
