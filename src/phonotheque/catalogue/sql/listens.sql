-- Which cluster a count speaks of: by MBID, else by ISRC, else by artists and title; where several recordings
-- answer, the one with the most tracks.
CREATE OR REPLACE TABLE counted AS
WITH listen_keys AS (
    SELECT recording_mbid::UUID AS mbid, isrc_code(isrc) AS isrc, hash(title_key) AS title,
           CASE WHEN len(people) > 0 THEN hash(people) END AS who, source, as_of, listens
    FROM listen
),
by_mbid AS (
    SELECT mbid, min(coalesce(cluster, fact)) AS cluster
    FROM named_fact SEMI JOIN listen_keys USING (mbid) LEFT JOIN member USING (fact) GROUP BY mbid
),
weighed AS (SELECT fact, coalesce(cluster, fact) AS cluster, coalesce(tracks, 1) AS tracks
            FROM number LEFT JOIN member USING (fact) LEFT JOIN (SELECT cluster, tracks FROM speaker) USING (cluster)),
by_isrc AS (
    SELECT isrc, arg_min(cluster, (-tracks, cluster)) AS cluster
    FROM code SEMI JOIN (SELECT isrc FROM listen_keys) USING (isrc) JOIN weighed USING (fact)
    GROUP BY isrc
),
by_title AS (
    SELECT title, who, arg_min(cluster, (-tracks, cluster)) AS cluster
    FROM (
        SELECT fact, hash(title_key) AS title, hash(people) AS who
        FROM fact WHERE title_key IS NOT NULL AND len(people) > 0
    )
    SEMI JOIN (
        SELECT title, who FROM listen_keys WHERE mbid IS NULL AND isrc IS NULL
    ) USING (title, who)
    JOIN weighed USING (fact)
    GROUP BY title, who
)
SELECT coalesce(by_mbid.cluster, by_isrc.cluster, by_title.cluster) AS cluster, source, as_of, listens
FROM listen_keys
LEFT JOIN by_mbid USING (mbid)
LEFT JOIN by_isrc ON by_isrc.isrc = listen_keys.isrc
LEFT JOIN by_title ON by_title.title = listen_keys.title AND by_title.who = listen_keys.who;

-- A source's latest count replaces its earlier ones; different sources add up.
CREATE OR REPLACE TABLE listened AS
WITH dated AS (
    SELECT cluster, source, as_of, sum(listens)::BIGINT AS listens
    FROM counted WHERE cluster IS NOT NULL GROUP BY cluster, source, as_of
)
SELECT cluster, source, max(as_of) AS as_of, arg_max(listens, as_of) AS listens FROM dated GROUP BY cluster, source;
DROP TABLE speaker;
DROP TABLE named_fact;
