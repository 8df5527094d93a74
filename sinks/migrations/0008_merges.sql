-- Where the server knows the setting merge_selector_base: at least some twenty-four parts of a size are merged at a time, instead of five.
-- A row is written anew less often; merges were most of what the engine did for it. Parts that stay small for an hour are merged all the same.
-- It was twelve at first, which 0013 changes in older tables; taken again after that, this step must leave them as they are.
ALTER TABLE weir.flows MODIFY SETTING merge_selector_base = 24;
ALTER TABLE weir.flows_1m MODIFY SETTING merge_selector_base = 24;
ALTER TABLE weir.flows_5m MODIFY SETTING merge_selector_base = 24;
ALTER TABLE weir.flows_1h MODIFY SETTING merge_selector_base = 24;
