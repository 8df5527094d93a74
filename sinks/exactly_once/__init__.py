"""What makes an insert count once: tokens, the ledger of applied batches, repair, recomputation."""
