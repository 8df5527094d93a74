"""The answers' paths: parameters, shape and summary of each, one file an answer."""
