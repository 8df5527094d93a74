"""The words every part of weir shares: records, columns, framings and errors. Imports no other part."""
