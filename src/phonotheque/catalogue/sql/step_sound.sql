-- The same file, or the same decoded samples (a retagged copy). Nothing guards this: it is the same sound.
CREATE OR REPLACE TABLE same AS
SELECT file_sha256 AS class, t, file_sha256 AS evidence FROM track WHERE file_sha256 IS NOT NULL
UNION ALL
SELECT pcm_sha256, t, pcm_sha256 FROM track WHERE pcm_sha256 IS NOT NULL;

-- One sound, told as different people's or as different recordings.
INSERT INTO doubt
WITH heard AS (
    SELECT coalesce(pcm_sha256, file_sha256) AS sound, t, people, recording_mbid
    FROM track WHERE coalesce(pcm_sha256, file_sha256) IS NOT NULL
),
compared AS (
    SELECT *, first_value(t) OVER first_told AS other, first_value(people) OVER first_told AS other_people,
           first_value(recording_mbid) OVER first_told AS other_mbid
    FROM heard
    WINDOW first_told AS (PARTITION BY sound ORDER BY len(people) = 0, recording_mbid IS NULL, t)
)
SELECT 'sound', sound, other, t, true
FROM compared
WHERE people_differ(people, other_people) OR recording_mbid <> other_mbid;
