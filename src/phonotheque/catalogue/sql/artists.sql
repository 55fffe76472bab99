-- Every name credited on a track, by its place in the credit.
CREATE TABLE credited AS
SELECT t, cluster, generate_subscripts(artists, 1) AS place, unnest(artists) AS name,
       unnest(artist_keys) AS key, unnest(artist_mbids) AS mbid
FROM track JOIN member USING (t);

-- A bare name is the MusicBrainz artist whom another track of the same recording credits by that name; otherwise
-- an equal name is all there is to go by.
CREATE TABLE credit AS
SELECT t, cluster, place, name, coalesce(credited.mbid, known.mbid) AS mbid,
       coalesce('mbid:' || coalesce(credited.mbid, known.mbid), 'name:' || key) AS artist_key
FROM credited
LEFT JOIN (
    SELECT cluster, key, min(mbid) AS mbid FROM credited WHERE mbid IS NOT NULL
    GROUP BY cluster, key HAVING count(DISTINCT mbid) = 1
) known USING (cluster, key);

CREATE TABLE artist AS
WITH spelled AS (
    SELECT artist_key, any_value(mbid) AS mbid, name, count(*) AS times FROM credit GROUP BY artist_key, name
),
chosen AS (
    SELECT artist_key, any_value(mbid) AS mbid, first(name ORDER BY times DESC, name) AS name
    FROM spelled GROUP BY artist_key
),
identified AS (SELECT *, coalesce(mbid, local_id('artist', artist_key)) AS id FROM chosen)
SELECT row_number() OVER (ORDER BY id) - 1 AS artist, * FROM identified;

CREATE TABLE track_artists AS
SELECT t, list(artist ORDER BY place) AS artists
FROM credit JOIN artist USING (artist_key) GROUP BY t;
