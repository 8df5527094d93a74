"""What a record looks like in a recording: JSON lines."""
