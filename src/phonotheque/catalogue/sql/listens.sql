-- Which cluster a count speaks of: by MBID, else by ISRC, else by artists and title; where several recordings
-- answer, the one with the most tracks.
CREATE TABLE weight AS SELECT cluster, count(*) AS tracks FROM member GROUP BY cluster;

CREATE TABLE counted AS
WITH by_mbid AS (
    SELECT recording_mbid, min(cluster) AS cluster
    FROM track JOIN member USING (t) WHERE recording_mbid IS NOT NULL GROUP BY recording_mbid
),
by_isrc AS (
    SELECT isrc, first(cluster ORDER BY tracks DESC, cluster) AS cluster
    FROM (SELECT t, unnest(isrcs) AS isrc FROM track) JOIN member USING (t) JOIN weight USING (cluster)
    GROUP BY isrc
),
by_title AS (
    SELECT title_key, people, first(cluster ORDER BY tracks DESC, cluster) AS cluster
    FROM track JOIN member USING (t) JOIN weight USING (cluster)
    WHERE title_key IS NOT NULL AND len(people) > 0
    GROUP BY title_key, people
)
SELECT coalesce(by_mbid.cluster, by_isrc.cluster, by_title.cluster) AS cluster, source, as_of, listens
FROM listen
LEFT JOIN by_mbid USING (recording_mbid)
LEFT JOIN by_isrc USING (isrc)
LEFT JOIN by_title ON by_title.title_key = listen.title_key AND by_title.people = listen.people;

-- A source's latest count replaces its earlier ones; different sources add up.
CREATE TABLE listened AS
SELECT cluster, source, as_of, sum(listens)::BIGINT AS listens
FROM counted WHERE cluster IS NOT NULL
GROUP BY cluster, source, as_of
QUALIFY row_number() OVER (PARTITION BY cluster, source ORDER BY as_of DESC) = 1;
