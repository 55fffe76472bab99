CREATE TABLE live AS
SELECT 'recording' AS kind, id FROM recording
UNION ALL SELECT 'release', id FROM release
UNION ALL SELECT 'artist', id FROM artist;

-- Where each thing of the previous snapshot went, and by how many tracks.
CREATE TABLE moved AS
SELECT 'recording' AS kind, old_id, id AS new_id, 1 AS tracks FROM heir JOIN identity USING (cluster)
UNION ALL
SELECT 'release', old.id, release.id, count(*)
FROM previous_tracks p JOIN previous_releases old USING (release)
JOIN track ON track.source = p.source AND track.source_id = p.source_id JOIN release USING (release_key)
GROUP BY ALL
UNION ALL
SELECT 'artist', old.id, artist.id, count(*)
FROM (
    SELECT source, source_id, generate_subscripts(artists, 1) AS place, unnest(artists) AS artist
    FROM previous_tracks
) p
JOIN previous_artists old USING (artist)
JOIN track ON track.source = p.source AND track.source_id = p.source_id
JOIN credit ON credit.t = track.t AND credit.place = p.place JOIN artist USING (artist_key)
GROUP BY ALL;

-- An id that no longer names anything leads to where most of its tracks are; older redirects follow along.
CREATE TABLE fresh AS
SELECT kind, old_id, first(new_id ORDER BY tracks DESC, new_id) AS new_id
FROM moved ANTI JOIN live ON live.kind = moved.kind AND live.id = moved.old_id
GROUP BY kind, old_id;

CREATE TABLE redirect AS
SELECT * FROM fresh
UNION ALL
SELECT old.kind, old.old_id, coalesce(fresh.new_id, old.new_id)
FROM previous_redirects old
LEFT JOIN fresh ON fresh.kind = old.kind AND fresh.old_id = old.new_id
ANTI JOIN live ON live.kind = old.kind AND live.id = old.old_id
ANTI JOIN fresh again ON again.kind = old.kind AND again.old_id = old.old_id;
