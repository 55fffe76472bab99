-- What titles, artists and lengths are compared by. Titles that are none say nothing.
CREATE OR REPLACE TABLE titled AS
SELECT fact, hash(title_key) AS title, hash(people) AS who, duration_ms AS ms,
       CASE WHEN release_key IS NOT NULL THEN hash(release_key) END AS release,
       coalesce(disc_number, 1)::BIGINT * 1000000 + track_number AS place
FROM fact
WHERE len(people) > 0 AND duration_ms IS NOT NULL AND title_key IS NOT NULL
  AND NOT regexp_full_match(title_key, '(audio )?(track|piste|titre|titel|pista|untitled|unknown)( \d+)?');
