"""What an agent says about itself: Prometheus metrics and health, over a small HTTP responder."""
