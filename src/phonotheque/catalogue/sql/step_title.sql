-- Same artists, same title, lengths within tolerance. Of lengths that run into each other (3:00, 3:02, 3:04, 3:06)
-- nobody can say where one recording ends and the next begins, so none of those is merged; nor are two
-- places of one release ("Interlude", twice), nor titles that are none.
CREATE OR REPLACE TABLE run AS
WITH gaps AS (
    SELECT t, title_key, people, release_key, disc_number, track_number, duration_ms,
           duration_ms - lag(duration_ms) OVER by_length > tolerance_ms() AS apart
    FROM track
    WHERE len(people) > 0 AND duration_ms IS NOT NULL
      AND NOT regexp_full_match(title_key, '(audio )?(track|piste|titre|titel|pista|untitled|unknown)( \d+)?')
    WINDOW by_length AS (PARTITION BY title_key, people ORDER BY duration_ms, t)
)
SELECT * EXCLUDE (apart), sum(CASE WHEN apart THEN 1 ELSE 0 END) OVER by_length AS run
FROM gaps
WINDOW by_length AS (PARTITION BY title_key, people ORDER BY duration_ms, t);

CREATE OR REPLACE TABLE crowded AS
SELECT DISTINCT title_key, people, run
FROM run
WHERE release_key IS NOT NULL AND track_number IS NOT NULL
GROUP BY title_key, people, run, release_key
HAVING count(DISTINCT (coalesce(disc_number, 1), track_number)) > 1;

CREATE OR REPLACE TABLE same_title AS
SELECT list(t ORDER BY duration_ms, t) AS tracks,
       title_key || ' / ' || array_to_string(people, ', ') AS evidence,
       max(duration_ms) - min(duration_ms) > tolerance_ms() OR bool_or(crowded.run IS NOT NULL) AS ambiguous
FROM run LEFT JOIN crowded USING (title_key, people, run)
GROUP BY title_key, people, run
HAVING count(*) > 1;

CREATE OR REPLACE TABLE same AS
SELECT tracks[1]::TEXT AS class, unnest(tracks) AS t, evidence FROM same_title WHERE NOT ambiguous;

INSERT INTO doubt
SELECT 'title', evidence, tracks[1], tracks[-1], false FROM same_title WHERE ambiguous;
