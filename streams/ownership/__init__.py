"""Who had an address, then: observations, the map that follows from them, as-of look-ups."""
