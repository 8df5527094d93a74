"""A recording of 2,000 workloads over a day, for people who want to see more than a shop: written into tables of its own, then shown."""
