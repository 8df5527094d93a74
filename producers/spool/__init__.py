"""What waits on disk: windows in segments, the journal, recovery after a crash."""
