"""How a worker takes memory from the system: what a block has freed is kept for the next one.

Columns of a block are some hundred kilobytes each, and live for a moment. glibc gives memory of that size back as soon as it is free,
in each thread's arena by itself, and so does Arrow's pool; the kernel then clears the same pages again and again, which was a tenth of
what a worker costs.
"""

from __future__ import annotations

import ctypes

import pyarrow as pa

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT_BYTES = 256 * 1024 * 1024
"""Free memory at the end of the heap that a process may keep."""
_LARGE_BYTES = 32 * 1024 * 1024
"""What is larger comes from the system and goes back to it by itself; glibc takes no more than this."""


def keep_freed_memory() -> None:
    """For the process, before its threads begin. Nothing where the C library is not glibc, but for Arrow's pool."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        # One arena: threads that build blocks in turn use the same pages.
        for parameter, value in ((_M_ARENA_MAX, 1), (_M_MMAP_THRESHOLD, _LARGE_BYTES), (_M_TRIM_THRESHOLD, _KEPT_BYTES)):
            mallopt(parameter, value)
    pa.set_memory_pool(pa.system_memory_pool())
