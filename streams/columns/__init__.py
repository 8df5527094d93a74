"""Tools by column: merged batches, hashes, prefixes, Arrow arrays."""
