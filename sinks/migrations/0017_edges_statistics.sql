-- Where the server knows the setting auto_statistics_types with basic: as for the other rollups, merges do not count different values.
ALTER TABLE weir.edges_5m MODIFY SETTING auto_statistics_types = 'basic';
ALTER TABLE weir.edges_1h MODIFY SETTING auto_statistics_types = 'basic';
ALTER TABLE weir.edges_1d MODIFY SETTING auto_statistics_types = 'basic';
