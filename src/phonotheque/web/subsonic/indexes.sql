-- Made when everything is in: quicker than keeping them up to date meanwhile.
CREATE INDEX track_album ON track (album, disc, position, number);
CREATE INDEX track_artist ON track (artist, number);
CREATE INDEX track_sha256 ON track (sha256);
CREATE INDEX track_copy ON track (copy_sha256) WHERE copy_sha256 IS NOT NULL;
CREATE INDEX album_artist ON album (artist);
CREATE INDEX genre_track ON of_genre (track);
INSERT INTO artist_on
    SELECT DISTINCT s.shelf, a.artist, t.place
    FROM on_shelf s JOIN track t ON t.number = s.track JOIN album a ON a.id = t.album;
INSERT INTO album_on
    SELECT DISTINCT s.shelf, t.album, t.place FROM on_shelf s JOIN track t ON t.number = s.track;
UPDATE album SET
    first = (SELECT min(number) FROM track WHERE track.album = album.id),
    added_at = (SELECT max(facts ->> '$.created') FROM track WHERE track.album = album.id),
    cover = (SELECT facts ->> '$.cover' FROM track WHERE track.album = album.id AND facts ->> '$.cover' IS NOT NULL
             ORDER BY number LIMIT 1);
ANALYZE;
