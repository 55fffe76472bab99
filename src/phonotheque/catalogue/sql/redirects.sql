-- An id that no longer names anything leads to where most of its tracks are; older redirects follow along.
CREATE OR REPLACE TABLE moved AS
SELECT 'recording' AS kind, old_id,
       coalesce(inherited.mbid, plain.mbid, local_id('recording', coalesce(inherited.seed, plain.seed))) AS new_id,
       1 AS tracks
FROM heir JOIN plain USING (cluster) LEFT JOIN inherited USING (cluster)
WHERE new_id <> old_id;

INSERT INTO moved
SELECT 'release', gone.id, release.id, count(*)
FROM (SELECT release, id FROM previous_releases ANTI JOIN (SELECT id FROM release) live USING (id)) gone
JOIN previous_tracks p USING (release) JOIN carried ON carried.previous_fact = p.fact
JOIN on_release ON on_release.fact = carried.fact JOIN release USING (release_hash)
GROUP BY ALL;

INSERT INTO moved
SELECT 'artist', gone.id, artist.id, count(*)
FROM (SELECT artist, id, name FROM previous_artists ANTI JOIN (SELECT id FROM artist) live USING (id)) gone
JOIN previous_credits c ON c.artist = gone.artist
JOIN previous_tracks p ON p.recording = c.recording
JOIN (
    SELECT fact, unnest(range(len(artists)))::SMALLINT AS place, unnest(artists) AS name FROM previous_facts
) said ON said.fact = p.fact AND said.name = gone.name
JOIN carried ON carried.previous_fact = p.fact
JOIN credit ON credit.fact = carried.fact AND credit.place = said.place JOIN artist ON artist.hashed = credit.artist
GROUP BY ALL;

CREATE OR REPLACE TABLE live AS
SELECT 'recording' AS kind, id FROM written_recordings WHERE id IN (SELECT old_id FROM moved UNION ALL SELECT old_id FROM previous_redirects)
UNION ALL SELECT 'release', id FROM release WHERE id IN (SELECT old_id FROM previous_redirects)
UNION ALL SELECT 'artist', id FROM artist WHERE id IN (SELECT old_id FROM previous_redirects);

CREATE OR REPLACE TABLE fresh AS
SELECT kind, old_id, arg_min(new_id, (-tracks, new_id)) AS new_id
FROM moved ANTI JOIN live ON live.kind = moved.kind AND live.id = moved.old_id
GROUP BY kind, old_id;

CREATE OR REPLACE TABLE out_redirects AS
SELECT kind, old_id, new_id FROM fresh
UNION ALL
SELECT old.kind, old.old_id, coalesce(fresh.new_id, old.new_id)
FROM previous_redirects old
LEFT JOIN fresh ON fresh.kind = old.kind AND fresh.old_id = old.new_id
ANTI JOIN live ON live.kind = old.kind AND live.id = old.old_id
ANTI JOIN fresh again ON again.kind = old.kind AND again.old_id = old.old_id;
