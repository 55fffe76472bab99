-- Each class of the step as pairs of the clusters it would make one: all with one of them, preferably one without
-- an MBID, so that what has none is seen beside every MBID that it could belong to.
INSERT INTO pair
WITH classed AS (
    SELECT k1, k2, k3, evidence, coalesce(cluster, fact) AS cluster FROM same LEFT JOIN member USING (fact)
),
weighed AS (
    -- an MBID weighs more than any fact's number
    SELECT classed.*, classed.cluster + CASE WHEN named.cluster IS NULL THEN 0 ELSE 4611686018427387904 END AS weight
    FROM classed LEFT JOIN named ON named.cluster = classed.cluster
),
centred AS (
    SELECT k1, k2, k3, min(weight) % 4611686018427387904 AS centre
    FROM weighed GROUP BY k1, k2, k3 HAVING min(cluster) <> max(cluster)
)
SELECT least(cluster, centre) AS a, greatest(cluster, centre) AS b, min(evidence) AS evidence
FROM weighed JOIN centred USING (k1, k2, k3)
WHERE cluster <> centre
GROUP BY 1, 2;
