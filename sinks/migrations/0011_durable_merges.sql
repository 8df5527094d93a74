-- A part that a merge or a mutation makes is on the disk before the parts that it replaces are removed, which were synced, and before a
-- recomputation is noted as done. A server keeps replaced parts for eight minutes (old_parts_lifetime), the embedded engine for less than one.
ALTER TABLE weir.flows MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE weir.flows_1m MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE weir.flows_5m MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE weir.flows_1h MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE weir.losses MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE weir.ownership_ranges MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE weir.batches MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE weir.ip_events MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE weir.recomputations MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

-- The ledger of migrations, as older versions made it.
ALTER TABLE weir.migrations MODIFY SETTING
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
