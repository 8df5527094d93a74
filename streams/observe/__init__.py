"""What a worker says of itself: metrics, liveness, health over HTTP, CPU by stage and thread."""
