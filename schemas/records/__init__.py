"""What a record is: columns, fields, validation."""
