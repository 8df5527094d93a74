"""The filter language of the API, the console and the command line: text to a tree, a tree to SQL or to yes and no of a row."""
