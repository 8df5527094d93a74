"""Dead letters as people see them."""
