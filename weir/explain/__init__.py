"""Why a flow's remote end got its name, or none: what the tables know of the flow, of the address's owners, and what follows."""
