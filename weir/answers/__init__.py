"""Answers: what the tables are asked and what `streams.insights` makes of it, one file an answer. Commands, API and detector share them."""
