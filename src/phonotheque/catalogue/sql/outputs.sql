-- The tables of the snapshot, in the columns of schema.TABLES; each is written in the order of its first columns.
CREATE VIEW out_artists AS
SELECT artist, id, mbid, name, coalesce(recordings, 0) AS recordings
FROM artist LEFT JOIN (
    SELECT artist, count(*) AS recordings FROM (SELECT DISTINCT unnest(artists) AS artist, recording FROM recording)
    GROUP BY artist
) USING (artist);

CREATE VIEW out_releases AS
SELECT release, id, mbid, title, credit, date, barcode, label, catalogue_number, tracks FROM release;

CREATE VIEW out_recordings AS
SELECT recording, id, mbid, title, credit, artists, duration_ms, date, listens, tracks, files, seed FROM recording;

CREATE VIEW out_tracks AS
SELECT track, coalesce(track_mbid, local_id('track', evidence)) AS id, recording, release,
       disc_number, track_number, track_total, title, credit, coalesce(track_artists.artists, []) AS artists,
       date, composers, genres, isrcs, duration_ms, album, album_credit, label, catalogue_number, barcode,
       recording_mbid, track_mbid, release_mbid, file_sha256, evidence, source, accession, source_id
FROM numbered JOIN track USING (t) LEFT JOIN track_artists USING (t);

CREATE VIEW out_credits AS
SELECT DISTINCT artist, recording
FROM (SELECT unnest(artists) AS artist, recording FROM track_artists JOIN numbered USING (t));

CREATE VIEW out_isrcs AS
SELECT isrc, recording, count(*) AS tracks
FROM (SELECT t, unnest(isrcs) AS isrc FROM track) JOIN numbered USING (t)
GROUP BY isrc, recording;

CREATE VIEW out_files AS
SELECT file_sha256 AS sha256, track, recording, pcm_sha256
FROM numbered JOIN track USING (t) WHERE file_sha256 IS NOT NULL;

CREATE VIEW out_listens AS
SELECT recording, source, as_of, listened.listens FROM listened JOIN recording USING (cluster);

CREATE VIEW out_sources AS
SELECT staged.source, staged.accession, staged.source_id, raw, numbered.track
FROM staged JOIN track USING (source, source_id) JOIN numbered USING (t);

CREATE VIEW out_redirects AS SELECT kind, old_id, new_id FROM redirect;

CREATE VIEW out_conflicts AS
SELECT kind, evidence, recording_a, recording_b, track_a, track_b, detail FROM conflict;
