"""What the console costs, and how fast it is: answers of its API, frames of its map."""
