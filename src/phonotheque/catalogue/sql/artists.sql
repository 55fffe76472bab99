-- Every name credited on a fact, by its place in the credit, and whom it means: by MBID, by the source's own id, or
-- by nothing but the name.
CREATE OR REPLACE TABLE credited AS
SELECT fact, unnest(range(len(artists)))::SMALLINT AS place, hash(unnest(artist_keys)) AS name,
       hash(unnest(list_transform(range(1, len(artists) + 1), lambda i: coalesce(
           'mbid:' || artist_mbids[i], source || ':' || artist_ids[i], 'name:' || artist_keys[i]
       )))) AS artist,
       unnest(list_transform(range(1, len(artists) + 1), lambda i: CASE
           WHEN artist_mbids[i] IS NOT NULL THEN 2 WHEN artist_ids[i] IS NOT NULL THEN 1 ELSE 0 END
       ))::TINYINT AS known
FROM fact WHERE len(artists) > 0;

-- Beside an artist of MusicBrainz, credited by the same name on another track of the same recording, a bare name
-- means that artist on that recording, and a source's own id means that artist everywhere, if it never points to two.
CREATE OR REPLACE TABLE beside AS
SELECT cluster, name, min(artist) AS artist
FROM credited JOIN member USING (fact) WHERE known = 2
GROUP BY cluster, name HAVING min(artist) = max(artist);

CREATE OR REPLACE TABLE adopted AS
SELECT fact, place, beside.artist
FROM credited JOIN member USING (fact) JOIN beside USING (cluster, name) WHERE known = 0;

CREATE OR REPLACE TABLE alias AS
SELECT credited.artist AS own, min(beside.artist) AS artist
FROM credited JOIN member USING (fact) JOIN beside USING (cluster, name) WHERE known = 1
GROUP BY own HAVING min(beside.artist) = max(beside.artist);

CREATE OR REPLACE TABLE credit AS
SELECT fact, place, coalesce(adopted.artist, alias.artist, credited.artist) AS artist
FROM credited LEFT JOIN adopted USING (fact, place) LEFT JOIN alias ON alias.own = credited.artist;
DROP TABLE credited;

-- The name that most tracks give an artist, and the key that its own UUID is made from.
CREATE OR REPLACE TABLE spelled AS
SELECT artist, name, count(*) AS times, min(mbid) AS mbid, min(artist_key) AS artist_key
FROM credit JOIN (
    SELECT fact, unnest(range(len(artists)))::SMALLINT AS place, unnest(artists) AS name, unnest(artist_mbids) AS mbid,
           unnest(list_transform(range(1, len(artists) + 1), lambda i: coalesce(
               'mbid:' || artist_mbids[i], source || ':' || artist_ids[i], 'name:' || artist_keys[i]
           ))) AS artist_key
    FROM fact WHERE len(artists) > 0
) USING (fact, place)
GROUP BY artist, name;

CREATE OR REPLACE TABLE described AS
SELECT hash(coalesce('mbid:' || mbid, source || ':' || record_id)) AS artist, any_value(aliases) AS aliases,
       any_value(identifiers) AS identifiers, any_value(type) AS type, any_value(country) AS country
FROM thing WHERE kind = 'artist' GROUP BY 1;

CREATE OR REPLACE TABLE artist AS
SELECT row_number() OVER (ORDER BY id) - 1 AS artist, hashed, id, mbid, name,
       coalesce(aliases, []) AS aliases, coalesce(identifiers, []) AS identifiers, type, country
FROM (
    SELECT artist AS hashed, min(mbid) AS mbid, arg_min(name, (-times, name)) AS name,
           coalesce(min(mbid), local_id('artist', min(artist_key))) AS id
    FROM spelled GROUP BY artist
)
LEFT JOIN described ON described.artist = hashed;
