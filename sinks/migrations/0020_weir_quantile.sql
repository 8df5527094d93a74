-- Where this user may create functions: weirQuantile(level, histogram) in microseconds, within 20 % of the sample that has so many of all below it or
-- beside it. NULL where there is no sample. The values are those of weir.histogram_bounds.
CREATE OR REPLACE FUNCTION weirQuantile AS (level, histogram) -> if(
    arraySum(histogram) = 0,
    NULL,
    [
        4.0, 9.6, 13.714, 18.872, 26.764, 37.744, 53.527, 75.148, 106.374, 150.297, 212.749, 300.252, 424.814, 600.162, 848.942,
        1199.981, 1697.199, 2399.618, 3393.711, 4798.893, 6786.737, 9597.787, 13573.473, 19195.23, 27146.26, 38390.117, 54291.834,
        76780.234, 108583.669, 153560.469, 217167.337, 307120.937, 434334.675, 614241.874, 868669.35, 1228483.405, 1737338.013,
        2456966.467, 3474675.34, 4913932.934, 6949350.68, 9827865.867, 13898701.359, 19655731.392, 27797402.032, 39311462.44,
        55594803.377, 67108864.0
    ][arrayFirstIndex(
        seen -> seen >= greatest(1, ceil(least(level, 1) * arraySum(histogram) * (1 - 1e-12))), arrayCumSum(histogram)
    )]
);
