"""One question a file: typed in, an Arrow table and what it leaves out. Asked alike by the command line, the API and the detector."""
