-- Every name credited on a fact, by its place in the credit, and whom it means: by MBID, by the source's own id, or
-- by nothing but the name. All of it as hashes: there are more credits than facts, and few artists to spell.
CREATE OR REPLACE TABLE credited AS
SELECT fact, place::SMALLINT AS place, alone, hash(key) AS name, hash(artist) AS said,
       hash(CASE WHEN mbid IS NOT NULL THEN 'mbid:' || mbid WHEN id IS NOT NULL THEN source || ':' || id
                 ELSE 'name:' || key END) AS artist,
       CASE WHEN mbid IS NOT NULL THEN 2 WHEN id IS NOT NULL THEN 1 ELSE 0 END::TINYINT AS known
FROM (
    SELECT fact, source, len(artists) = 1 AS alone, unnest(range(len(artists))) AS place, unnest(artists) AS artist,
           unnest(artist_keys) AS key, unnest(artist_mbids[1:len(artists)]) AS mbid,
           unnest(artist_ids[1:len(artists)]) AS id
    FROM fact WHERE len(artists) > 0
);

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
SELECT fact, place, alone, said, credited.artist AS own, coalesce(adopted.artist, alias.artist, credited.artist) AS artist
FROM credited LEFT JOIN adopted USING (fact, place) LEFT JOIN alias ON alias.own = credited.artist;
DROP TABLE credited;

-- How often an artist is credited by each name, and a credit that shows it. One that is identified by nothing but
-- itself (`own`) also shows the key that its UUID is made from.
CREATE OR REPLACE TABLE spelled AS
SELECT artist, said, count(*) AS times, min(fact * 32768 + place) AS shown,
       min(CASE WHEN own = artist THEN fact * 32768 + place END) AS keyed
FROM credit GROUP BY artist, said;

-- The credits whose text is needed: of the most used name of each artist, of several such names each, and of the key.
CREATE OR REPLACE TABLE telling AS
WITH most AS (SELECT artist, max(times) AS times, min(keyed) AS keyed FROM spelled GROUP BY artist)
SELECT artist, shown // 32768 AS fact, shown % 32768 + 1 AS place, true AS names
FROM spelled JOIN most USING (artist, times)
UNION ALL
SELECT artist, keyed // 32768, keyed % 32768 + 1, false FROM most;

CREATE OR REPLACE TABLE face AS
SELECT artist, min(CASE WHEN names THEN name END) AS name, min(CASE WHEN NOT names THEN mbid END) AS mbid,
       min(CASE WHEN NOT names THEN coalesce(source || ':' || id, 'name:' || key) END) AS key
FROM (
    SELECT artist, names, source, artists[place] AS name, artist_mbids[place] AS mbid, artist_ids[place] AS id,
           artist_keys[place] AS key
    FROM telling JOIN fact USING (fact)
)
GROUP BY artist;
DROP TABLE spelled;
DROP TABLE telling;

CREATE OR REPLACE TABLE described AS
SELECT hash(coalesce('mbid:' || mbid, source || ':' || record_id)) AS artist, any_value(aliases) AS aliases,
       any_value(identifiers) AS identifiers, any_value(type) AS type, any_value(country) AS country
FROM thing WHERE kind = 'artist' GROUP BY 1;

CREATE OR REPLACE TABLE artist AS
SELECT row_number() OVER (ORDER BY id) - 1 AS artist, hashed, id, mbid, name,
       coalesce(aliases, []) AS aliases, coalesce(identifiers, []) AS identifiers, type, country
FROM (SELECT artist AS hashed, mbid, name, coalesce(mbid, local_id('artist', key)) AS id FROM face)
LEFT JOIN described ON described.artist = hashed;
DROP TABLE beside;
DROP TABLE adopted;
DROP TABLE alias;
DROP TABLE face;
DROP TABLE described;
DROP TABLE member;
