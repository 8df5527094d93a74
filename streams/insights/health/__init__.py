"""Which edges do worse than at the same hour of past weeks: counts of 5-minute steps and of past hours in, findings out.

Every signal but silence is a share, so many bad of so many tried, and is judged by one rule. Arrays are (signals, edges, steps).
"""
