-- One ISRC, someone in common, and lengths within tolerance of the next one. Codes are shared and reused in
-- practice, so the code alone proves nothing; what stays apart is listed in conflicts.sql.
CREATE OR REPLACE TABLE same AS
WITH coded AS (
    -- no artist at all agrees only with no artist at all
    SELECT t, isrc, unnest(CASE WHEN len(people) > 0 THEN people ELSE [''] END) AS person, duration_ms
    FROM (SELECT t, unnest(isrcs) AS isrc, people, duration_ms FROM track)
),
gaps AS (
    SELECT *, duration_ms - lag(duration_ms) OVER by_length > tolerance_ms() AS apart
    FROM coded
    WINDOW by_length AS (PARTITION BY isrc, person ORDER BY duration_ms NULLS LAST, t)
),
runs AS (
    SELECT *, sum(CASE WHEN apart THEN 1 ELSE 0 END) OVER by_length AS run
    FROM gaps
    WINDOW by_length AS (PARTITION BY isrc, person ORDER BY duration_ms NULLS LAST, t)
),
settled AS (
    -- an unknown length joins the others only if there is no choice to make
    SELECT t, isrc, person,
           CASE WHEN duration_ms IS NULL AND max(run) OVER (PARTITION BY isrc, person) > 0 THEN -1 ELSE run END AS run
    FROM runs
)
SELECT isrc || '/' || run || '/' || person AS class, t, isrc AS evidence
FROM settled;
