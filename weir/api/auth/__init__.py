"""Who may ask, under which name, and what he may see."""
