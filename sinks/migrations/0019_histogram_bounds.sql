-- What the buckets of rtt_histogram and connect_histogram hold: times from low_us on and below high_us (NULL: and all above). value_us stands for them:
-- 2ab/(a+b), which is within 20 % of every time from 8 us to 67 s. Buckets are counted from 1, as elements of an array are.
CREATE OR REPLACE VIEW weir.histogram_bounds AS
SELECT
    bucket, bounds[bucket] AS low_us, if(bucket < length(bounds), bounds[bucket + 1], NULL) AS high_us,
    multiIf(bucket = 1, 4, bucket = length(bounds), low_us, 2 * low_us * assumeNotNull(high_us) / (low_us + assumeNotNull(high_us))) AS value_us
FROM
(
    SELECT
        [
            0, 8, 12, 16, 23, 32, 46, 64, 91, 128, 182, 256, 363, 512, 725, 1024, 1449, 2048, 2897, 4096, 5793, 8192, 11586,
            16384, 23171, 32768, 46341, 65536, 92682, 131072, 185364, 262144, 370728, 524288, 741456, 1048576, 1482911, 2097152,
            2965821, 4194304, 5931642, 8388608, 11863284, 16777216, 23726567, 33554432, 47453133, 67108864
        ] AS bounds,
        arrayJoin(CAST(arrayEnumerate(bounds), 'Array(UInt8)')) AS bucket
);
