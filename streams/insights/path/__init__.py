"""Whether a client reaches a server, from what its connections did: verdicts, and what they rest on."""
