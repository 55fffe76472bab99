-- Recordings of several facts: what each fact tells of its recording.
CREATE OR REPLACE TABLE told AS
SELECT cluster, fact, title IS NULL AS untitled, hash(title, credit) AS telling, recording_mbid, date, file_sha256,
       CASE WHEN fact = cluster THEN evidence_of(file_sha256, source, source_id) END AS seed
FROM member JOIN fact USING (fact);

-- The fact that speaks for each: one that MusicBrainz knows, with the title and credit that most of them share.
CREATE OR REPLACE TABLE speaker AS
WITH agreeing AS (
    SELECT cluster, fact, untitled, recording_mbid, count(*) OVER (PARTITION BY cluster, telling) AS agree FROM told
),
chosen AS (
    SELECT cluster, fact FROM agreeing
    QUALIFY row_number() OVER (
        PARTITION BY cluster ORDER BY recording_mbid IS NULL, untitled, agree DESC, fact
    ) = 1
),
summed AS (
    SELECT cluster, count(*)::INTEGER AS tracks, count(DISTINCT file_sha256)::INTEGER AS files, min(date) AS date,
           min(recording_mbid) AS mbid, min(seed) AS seed
    FROM told GROUP BY cluster
)
SELECT fact, cluster, tracks, files, date, mbid, seed FROM chosen JOIN summed USING (cluster);

-- Every recording, by the fact that speaks for it; one that is alone speaks for itself.
CREATE OR REPLACE TABLE plain AS
SELECT coalesce(speaker.cluster, fact.fact) AS cluster, fact.fact, title, credit, duration_ms,
       coalesce(speaker.date, fact.date) AS date, coalesce(tracks, 1) AS tracks,
       coalesce(files, CASE WHEN file_sha256 IS NULL THEN 0 ELSE 1 END) AS files,
       CASE WHEN speaker.fact IS NULL THEN recording_mbid ELSE speaker.mbid END AS mbid,
       coalesce(speaker.seed, evidence_of(file_sha256, source, source_id)) AS seed
FROM fact
LEFT JOIN member ON member.fact = fact.fact
LEFT JOIN speaker ON speaker.fact = fact.fact
WHERE member.fact IS NULL OR speaker.fact IS NOT NULL;
DROP TABLE told;
