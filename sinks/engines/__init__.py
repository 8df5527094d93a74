"""What carries SQL and columns to ClickHouse: chDB in this process, or a server through its native protocol."""
