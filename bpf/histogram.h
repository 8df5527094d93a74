/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Histograms of times, by the rule of schemas/records/histogram.py: bucket 0 has what is below 8 us; the bounds of the others are the powers
 * of two and, in between, times the square root of two; the last one has all from 2^26 us on. A test compares the two.
 */
#ifndef WEIR_HISTOGRAM_H
#define WEIR_HISTOGRAM_H

#include <linux/types.h>

#define BUCKETS 48

static __always_inline __u32 highest_bit(__u32 value)
{
	__u32 bit = 0;

	for (int half = 16; half; half >>= 1) { /* five rounds, which the compiler writes out */
		if (value >> half) {
			value >>= half;
			bit += half;
		}
	}
	return bit;
}

static __always_inline __u32 bucket_of(__u32 us)
{
	__u64 square = (__u64)us * us;
	__u32 power = highest_bit(us), bucket;

	if (us < 8)
		return 0;
	bucket = 1 + 2 * (power - 3) + (square >= 1ULL << (2 * power + 1));
	return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

#endif
