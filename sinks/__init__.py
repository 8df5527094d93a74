"""ClickHouse: blocks of rows in, exactly once; answers to questions out.

`open_sink(url)` is the door, `protocol.Sink` what comes through it. What is written is said once, in `sink.py`; the engines
(chDB in this process, a server behind the native protocol, another process's directory through its socket) only carry it.
"""
