"""What tests of several packages share: servers, child processes, waiting."""
