"""The kernel's rule for a time's bucket, compiled here, against the bounds by which everybody else reads the histograms."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from bpf import layout
from schemas.records.histogram import BOUNDS_US, BUCKETS

PROGRAM = r"""
#include <stdio.h>
#include "histogram.h"
int main(void)
{
	unsigned int us;

	printf("%d\n", BUCKETS);
	while (scanf("%u", &us) == 1)
		printf("%u\n", bucket_of(us));
	return 0;
}
"""


def test_the_kernel_counts_by_the_same_bounds(tmp_path: Path) -> None:
    (tmp_path / "bucket.c").write_text(PROGRAM)
    flags = ["-Wall", "-Werror", "-D__always_inline=inline", f"-I{Path(layout.__file__).parent}"]
    subprocess.run(["gcc", *flags, "-o", tmp_path / "bucket", tmp_path / "bucket.c"], check=True)
    around = {bound + step for bound in BOUNDS_US for step in (-1, 0, 1)} | {1 << power for power in range(32)} | {2**32 - 1}
    times = np.array(sorted(time for time in around if time >= 0))
    times = np.concatenate([times, np.random.default_rng(23).integers(0, 2**32, 10_007)])
    told = subprocess.run([tmp_path / "bucket"], input="\n".join(map(str, times)), capture_output=True, text=True, check=True)
    buckets, *found = map(int, told.stdout.split())
    assert buckets == BUCKETS
    np.testing.assert_array_equal(found, np.searchsorted(BOUNDS_US, times, side="right") - 1)
