"""`weir detector`: looks for findings as windows close, keeps them, and delivers them."""
