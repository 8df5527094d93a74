"""Security: what is strange in who talks to whom. One file a kind; Arrow tables of candidates in, sightings out."""
