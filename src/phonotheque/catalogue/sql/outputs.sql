-- The tables of the snapshot, in the columns of schema.MADE; snapshot.py says in which order each is written.
CREATE OR REPLACE VIEW out_tracks AS
SELECT recording, fact, release
FROM placed LEFT JOIN (SELECT fact, release FROM on_release JOIN release USING (release_hash)) USING (fact);

CREATE OR REPLACE VIEW out_releases AS
SELECT release, id, mbid IS NOT NULL AS by_musicbrainz, source_id, title, credit, type, date, country, barcode, label,
       catalogue_number, tracks
FROM release;

-- Each credit's artist, looked up once for all that follows.
CREATE OR REPLACE TABLE credit_number AS
SELECT fact, place, alone, artist.artist FROM credit JOIN artist ON artist.hashed = credit.artist;

-- A fact that is alone has no other to share an artist or code with: only the others' need counting.
CREATE OR REPLACE TABLE credit_of AS
SELECT artist, recording FROM credit_number JOIN placed USING (fact) WHERE NOT together
UNION ALL
SELECT DISTINCT artist, recording FROM credit_number JOIN placed USING (fact) WHERE together;

CREATE OR REPLACE VIEW out_credits AS SELECT artist, recording FROM credit_of;

CREATE OR REPLACE VIEW out_artists AS
SELECT artist, id, mbid IS NOT NULL AS by_musicbrainz, name, aliases, identifiers, type, country,
       coalesce(recordings, 0) AS recordings
FROM artist LEFT JOIN (SELECT artist, count(*) AS recordings FROM credit_of GROUP BY artist) USING (artist);

CREATE OR REPLACE VIEW out_isrcs AS
SELECT isrc_text(isrc) AS isrc, recording, tracks
FROM (
    SELECT isrc, recording, 1::INTEGER AS tracks FROM code JOIN placed USING (fact) WHERE NOT together
    UNION ALL
    SELECT isrc, recording, count(*)::INTEGER FROM code JOIN placed USING (fact) WHERE together
    GROUP BY isrc, recording
);

CREATE OR REPLACE VIEW out_files AS
SELECT file_sha256 AS sha256, fact, recording, pcm_sha256
FROM (SELECT fact, file_sha256, pcm_sha256 FROM fact WHERE file_sha256 IS NOT NULL) JOIN placed USING (fact);

CREATE OR REPLACE VIEW out_listens AS
SELECT recording, source, as_of, listened.listens FROM listened JOIN numbered USING (cluster);

-- The artists of each recording, as the fact that speaks for it credits them. Most have one, which needs no grouping.
CREATE OR REPLACE TABLE credits_of AS
SELECT cluster, [artist] AS artists FROM credit_number JOIN plain USING (fact) WHERE alone
UNION ALL
SELECT cluster, list(artist ORDER BY place) FROM credit_number JOIN plain USING (fact) WHERE NOT alone GROUP BY cluster;

DROP TABLE credit_number;

CREATE OR REPLACE VIEW out_recordings AS
SELECT recording, coalesce(inherited.mbid, plain.mbid, local_id('recording', coalesce(inherited.seed, plain.seed))) AS id,
       coalesce(inherited.mbid, plain.mbid) IS NOT NULL AS by_musicbrainz, title, credit, coalesce(artists, []) AS artists,
       duration_ms, date, listens, tracks, files, coalesce(inherited.seed, plain.seed) AS seed
FROM plain JOIN numbered USING (cluster) LEFT JOIN inherited USING (cluster) LEFT JOIN credits_of USING (cluster);
