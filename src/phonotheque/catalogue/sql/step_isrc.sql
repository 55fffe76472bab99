-- One ISRC, someone in common, and lengths within tolerance of the next one. Codes are shared and reused in
-- practice, so the code alone proves nothing; what stays apart is listed in conflicts.sql.
CREATE OR REPLACE TABLE shared AS
SELECT isrc, person, max(ms) - min(ms) > tolerance_ms() AS apart
FROM coded
WHERE isrc % getvariable('passes') = getvariable('pass')
GROUP BY isrc, person
HAVING count(*) > 1;

CREATE OR REPLACE TABLE same AS
WITH gaps AS (
    SELECT fact, isrc, person, ms, ms - lag(ms) OVER by_length > tolerance_ms() AS gap
    FROM coded JOIN shared USING (isrc, person)
    WHERE apart
    WINDOW by_length AS (PARTITION BY isrc, person ORDER BY ms NULLS LAST, fact)
),
runs AS (
    SELECT *, sum(CASE WHEN gap THEN 1 ELSE 0 END) OVER by_length AS run
    FROM gaps
    WINDOW by_length AS (PARTITION BY isrc, person ORDER BY ms NULLS LAST, fact)
),
settled AS (
    -- an unknown length joins the others only if there is no choice to make
    SELECT fact, isrc, person,
           CASE WHEN ms IS NULL AND max(run) OVER (PARTITION BY isrc, person) > 0 THEN -1 ELSE run END AS run
    FROM runs
)
SELECT isrc AS k1, person AS k2, run::BIGINT AS k3, fact, isrc AS evidence FROM settled
UNION ALL
SELECT isrc, person, 0, fact, isrc FROM coded JOIN shared USING (isrc, person) WHERE apart IS NOT TRUE;
