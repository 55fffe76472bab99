-- Every code with everyone credited beside it. No artist at all agrees only with no artist at all.
CREATE OR REPLACE TABLE coded AS
SELECT fact, isrc_code(isrc) AS isrc, hash(person) AS person, ms
FROM (
    SELECT fact, isrc, unnest(people) AS person, ms
    FROM (
        SELECT fact, unnest(isrcs) AS isrc, CASE WHEN len(people) > 0 THEN people ELSE [''] END AS people,
               duration_ms AS ms
        FROM fact
    )
);
