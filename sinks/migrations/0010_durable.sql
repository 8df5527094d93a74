-- A part is on the disk before its INSERT returns: an offset is committed behind it, and a server that loses power would lose it in silence.
ALTER TABLE weir.flows MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE weir.flows_1m MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE weir.flows_5m MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE weir.flows_1h MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE weir.losses MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE weir.ownership_ranges MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE weir.batches MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE weir.ip_events MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE weir.recomputations MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
