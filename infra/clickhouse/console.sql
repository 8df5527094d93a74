-- The user of `weir console` on a ClickHouse server: it reads weir's tables and nothing else, and no question costs more than this. Run it once
-- as a user that may create users, with a password of your own; then WEIR_CLICKHOUSE_URL=clickhouse://weir_console:...@HOST:9000/weir for the
-- console alone. The limits are those that weir sends with each question (sinks/engines/limits.py): under readonly = 1 no client changes them.
CREATE SETTINGS PROFILE IF NOT EXISTS weir_console SETTINGS
    readonly = 1,
    max_execution_time = 10, timeout_overflow_mode = 'throw',
    max_rows_to_read = 300000000, max_bytes_to_read = 30000000000, read_overflow_mode = 'throw',
    max_rows_to_group_by = 5000000, group_by_overflow_mode = 'throw',
    max_memory_usage = 2000000000,
    max_result_rows = 200000, max_result_bytes = 128000000, result_overflow_mode = 'throw',
    max_threads = 4,
    max_concurrent_queries_for_user = 8;
CREATE QUOTA IF NOT EXISTS weir_console FOR INTERVAL 1 hour MAX queries = 36000, execution_time = 7200;
CREATE USER IF NOT EXISTS weir_console IDENTIFIED BY 'a password' SETTINGS PROFILE 'weir_console';
ALTER QUOTA weir_console TO weir_console;
GRANT SELECT, SHOW ON weir.* TO weir_console;
REVOKE SOURCES ON *.* FROM weir_console;
