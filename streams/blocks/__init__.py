"""From the messages of a block to the rows that stand for it."""
