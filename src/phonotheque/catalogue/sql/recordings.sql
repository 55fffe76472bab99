-- The track that speaks for a recording: one that MusicBrainz knows, with the title and credit most of them share.
CREATE TABLE face AS
SELECT cluster, t
FROM (
    SELECT cluster, t, title, recording_mbid, count(*) OVER (PARTITION BY cluster, title, credit) AS agree
    FROM track JOIN member USING (t)
)
QUALIFY row_number() OVER (
    PARTITION BY cluster ORDER BY recording_mbid IS NULL, title IS NULL, agree DESC, t
) = 1;

CREATE TABLE summed AS
SELECT cluster, count(*) AS tracks, count(DISTINCT file_sha256) AS files, min(date) AS date
FROM member JOIN track USING (t) GROUP BY cluster;

-- Numbered from the most listened: the first rows are what most people look for.
CREATE TABLE recording AS
SELECT row_number() OVER (ORDER BY listens DESC NULLS LAST, id) - 1 AS recording, *
FROM (
    SELECT cluster, id, mbid, title, credit, coalesce(track_artists.artists, []) AS artists, duration_ms, summed.date,
           counts.listens, tracks, files, seed
    FROM identity JOIN face USING (cluster) JOIN track USING (t) JOIN summed USING (cluster)
    LEFT JOIN track_artists USING (t)
    LEFT JOIN (SELECT cluster, sum(listens)::BIGINT AS listens FROM listened GROUP BY cluster) counts USING (cluster)
);

CREATE TABLE numbered AS
SELECT row_number() OVER (
           ORDER BY recording, release NULLS LAST, disc_number NULLS LAST, track_number NULLS LAST, t
       ) - 1 AS track, t, recording, release
FROM member JOIN recording USING (cluster) JOIN track USING (t)
LEFT JOIN release ON release.release_key = track.release_key;
