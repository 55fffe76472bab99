-- The tables of the snapshot, in the columns of schema.MADE; snapshot.py says in which order each is written.
CREATE OR REPLACE VIEW out_tracks AS
SELECT recording, fact, release
FROM placed LEFT JOIN (SELECT fact, release FROM on_release JOIN release USING (release_hash)) USING (fact);

CREATE OR REPLACE VIEW out_releases AS
SELECT release, id, mbid, source_id, title, credit, type, date, country, barcode, label, catalogue_number, tracks
FROM release;

-- A fact that is alone has no other to share an artist or code with: only the others' need counting.
CREATE OR REPLACE TABLE credit_of AS
SELECT artist.artist, recording
FROM credit JOIN artist ON artist.hashed = credit.artist JOIN placed USING (fact) ANTI JOIN member USING (fact)
UNION ALL
SELECT DISTINCT artist.artist, recording
FROM credit JOIN artist ON artist.hashed = credit.artist JOIN placed USING (fact) SEMI JOIN member USING (fact);

CREATE OR REPLACE VIEW out_credits AS SELECT artist, recording FROM credit_of;

CREATE OR REPLACE VIEW out_artists AS
SELECT artist, id, mbid, name, aliases, identifiers, type, country, coalesce(recordings, 0) AS recordings
FROM artist LEFT JOIN (SELECT artist, count(*) AS recordings FROM credit_of GROUP BY artist) USING (artist);

CREATE OR REPLACE VIEW out_isrcs AS
SELECT isrc_text(isrc) AS isrc, recording, tracks
FROM (
    SELECT isrc, recording, 1::INTEGER AS tracks FROM code JOIN placed USING (fact) ANTI JOIN member USING (fact)
    UNION ALL
    SELECT isrc, recording, count(*)::INTEGER FROM code JOIN placed USING (fact) SEMI JOIN member USING (fact)
    GROUP BY isrc, recording
);

CREATE OR REPLACE VIEW out_files AS
SELECT file_sha256 AS sha256, fact, recording, pcm_sha256
FROM (SELECT fact, file_sha256, pcm_sha256 FROM fact WHERE file_sha256 IS NOT NULL) JOIN placed USING (fact);

CREATE OR REPLACE VIEW out_listens AS
SELECT recording, source, as_of, listened.listens FROM listened JOIN numbered USING (cluster);

-- The artists of each recording, as the fact that speaks for it credits them: most have one.
CREATE OR REPLACE TABLE credits_of AS
SELECT plain.cluster, list(artist.artist ORDER BY place) AS artists
FROM credit JOIN artist ON artist.hashed = credit.artist JOIN plain USING (fact)
GROUP BY plain.cluster;

CREATE OR REPLACE VIEW out_recordings AS
SELECT row_number() OVER () - 1 AS recording, * EXCLUDE (cluster)
FROM (
    SELECT cluster, coalesce(inherited.mbid, plain.mbid, local_id('recording', coalesce(inherited.seed, plain.seed))) AS id,
           coalesce(inherited.mbid, plain.mbid) AS mbid, title, credit, coalesce(artists, []) AS artists, duration_ms,
           date, listens, tracks, files, coalesce(inherited.seed, plain.seed) AS seed
    FROM plain LEFT JOIN inherited USING (cluster) LEFT JOIN credits_of USING (cluster) LEFT JOIN total USING (cluster)
    ORDER BY listens DESC NULLS LAST, cluster
);
