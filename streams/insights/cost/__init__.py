"""What transfer costs: classes of traffic, prices and their tiers, and where something can be saved. Values in, values out."""
