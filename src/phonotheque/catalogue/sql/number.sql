-- Recordings are numbered from the most listened: the first rows are what most people look for. Equals stay in the
-- order of their facts, so that what belongs together lies together.
CREATE OR REPLACE TABLE total AS
SELECT cluster, sum(listens)::BIGINT AS listens FROM listened GROUP BY cluster;

CREATE OR REPLACE TABLE numbered AS
SELECT row_number() OVER () - 1 AS recording, cluster, listens
FROM (SELECT plain.cluster, listens FROM plain LEFT JOIN total USING (cluster) ORDER BY listens DESC NULLS LAST, plain.cluster);

-- Every fact's recording, and whether other facts are on it too: only those need counting without repeats.
CREATE OR REPLACE TABLE placed AS
SELECT fact, recording, together
FROM (
    SELECT fact, coalesce(cluster, fact) AS cluster, cluster IS NOT NULL AS together
    FROM number LEFT JOIN member USING (fact)
)
JOIN numbered USING (cluster);
DROP TABLE total;
