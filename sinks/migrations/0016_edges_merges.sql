-- Where the server knows the setting merge_selector_base: as the other rollups, they are merged seldom.
ALTER TABLE weir.edges_5m MODIFY SETTING merge_selector_base = 24;
ALTER TABLE weir.edges_1h MODIFY SETTING merge_selector_base = 24;
ALTER TABLE weir.edges_1d MODIFY SETTING merge_selector_base = 24;
