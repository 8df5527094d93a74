"""Names for the remote ends of flows, or the reason why there is none; which view is canonical."""
