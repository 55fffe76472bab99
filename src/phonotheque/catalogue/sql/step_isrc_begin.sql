-- Every code with everyone credited beside it. No artist at all agrees only with no artist at all.
CREATE OR REPLACE TABLE coded AS
SELECT fact, isrc_code(isrc) AS isrc, hash(unnest(people)) AS person, duration_ms AS ms
FROM (
    SELECT fact, unnest(isrcs) AS isrc, CASE WHEN len(people) > 0 THEN people ELSE [''] END AS people, duration_ms
    FROM fact
);
