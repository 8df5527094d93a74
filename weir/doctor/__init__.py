"""What `weir doctor` looks at, part by part. A check never raises: what it finds is its result."""
