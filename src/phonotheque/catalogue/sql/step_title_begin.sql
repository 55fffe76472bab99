-- What titles, artists and lengths are compared by. Titles that are none say nothing.
CREATE OR REPLACE TABLE titled AS
SELECT fact, hash(title_key) AS title, hash(people) AS who, duration_ms AS ms,
       CASE WHEN release_key IS NOT NULL THEN hash(release_key) END AS release,
       coalesce(disc_number, 1)::BIGINT * 1000000 + track_number AS place
FROM fact
WHERE len(people) > 0 AND duration_ms IS NOT NULL AND title_key IS NOT NULL
  AND NOT regexp_full_match(title_key, '(audio )?(track|piste|titre|titel|pista|untitled|unknown)( \d+)?');

-- Files that were compared and do not sound alike: versions, though their titles do not say so.
CREATE OR REPLACE TABLE told_apart AS
SELECT x.fact AS a, y.fact AS b
FROM (SELECT a_sha256, b_sha256 FROM link WHERE score >= alike_below()) heard
JOIN (SELECT fact, file_sha256 FROM fact WHERE file_sha256 IS NOT NULL) x ON x.file_sha256 = a_sha256
JOIN (SELECT fact, file_sha256 FROM fact WHERE file_sha256 IS NOT NULL) y ON y.file_sha256 = b_sha256;
