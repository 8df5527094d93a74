"""`weir console`: HTTP over sinks/queries and streams/insights, and the page that asks it. Holds no rules, like the commands."""
