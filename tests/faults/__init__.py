"""The fault bench: a seeded plan of faults over a run whose every flow is known beforehand."""
