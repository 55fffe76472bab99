-- Clusters that hold a recording of MusicBrainz.
CREATE OR REPLACE TABLE named AS
SELECT DISTINCT cluster FROM member JOIN track USING (t) WHERE recording_mbid IS NOT NULL;

-- Each class of the step as pairs of the clusters it would make one: all with one of them, preferably one without
-- an MBID, so that what has none is seen beside every MBID that it could belong to.
CREATE OR REPLACE TABLE pair AS
WITH classed AS (
    SELECT class, cluster, min(evidence) AS evidence FROM same JOIN member USING (t) GROUP BY class, cluster
),
centred AS (
    SELECT cluster, evidence,
           first_value(cluster) OVER (PARTITION BY class ORDER BY named.cluster IS NOT NULL, cluster) AS centre
    FROM classed LEFT JOIN named USING (cluster)
)
SELECT least(cluster, centre) AS a, greatest(cluster, centre) AS b, min(evidence) AS evidence
FROM centred WHERE cluster <> centre
GROUP BY 1, 2;
