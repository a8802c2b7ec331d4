"""Any sender that can POST JSON: one alert, a list of them, or an object with `alerts`."""
