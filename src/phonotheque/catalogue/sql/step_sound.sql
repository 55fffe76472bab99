-- The same file, or the same decoded samples (a retagged copy). Nothing guards this: it is the same sound.
CREATE OR REPLACE TABLE heard AS
SELECT fact, file_sha256, pcm_sha256, people, recording_mbid
FROM fact WHERE file_sha256 IS NOT NULL OR pcm_sha256 IS NOT NULL;

CREATE OR REPLACE TABLE same AS
SELECT hash(digest) AS k1, hash(left(digest, 32)) AS k2, 0::BIGINT AS k3, fact, fact AS evidence
FROM (
    SELECT fact, file_sha256 AS digest FROM heard WHERE file_sha256 IS NOT NULL
    UNION ALL
    SELECT fact, pcm_sha256 FROM heard WHERE pcm_sha256 IS NOT NULL
);

-- One sound, told as different people's or as different recordings.
INSERT INTO doubt
WITH compared AS (
    SELECT fact, people, recording_mbid, first_value(fact) OVER first_told AS other,
           first_value(people) OVER first_told AS other_people,
           first_value(recording_mbid) OVER first_told AS other_mbid
    FROM heard
    WINDOW first_told AS (
        PARTITION BY coalesce(pcm_sha256, file_sha256) ORDER BY len(people) = 0, recording_mbid IS NULL, fact
    )
)
SELECT 'sound', fact, other, fact, true
FROM compared
WHERE people_differ(people, other_people) OR recording_mbid <> other_mbid;
