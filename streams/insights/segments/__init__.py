"""Segments: roles from who talks to whom, policies for them, and what these would cut."""
