"""How hourly series go on: weekly shape, level and trend, intervals from what was wrong before, and when a limit is reached."""
