-- Where the server knows the setting merge_selector_base: at least some twelve parts of a size are merged at a time, instead of five.
-- A row is written anew less often; merges were most of what the engine did for it. Parts that stay small for an hour are merged all the same.
ALTER TABLE weir.flows MODIFY SETTING merge_selector_base = 12;
ALTER TABLE weir.flows_1m MODIFY SETTING merge_selector_base = 12;
ALTER TABLE weir.flows_5m MODIFY SETTING merge_selector_base = 12;
ALTER TABLE weir.flows_1h MODIFY SETTING merge_selector_base = 12;
