-- What most of a release's tracks say of it.
CREATE TABLE release AS
WITH said AS (
    SELECT release_key, album, coalesce(album_credit, credit) AS credit, count(*) AS times
    FROM track WHERE release_key IS NOT NULL GROUP BY ALL
),
named AS (
    SELECT release_key, first(album ORDER BY album IS NULL, times DESC, album) AS title,
           first(credit ORDER BY credit IS NULL, times DESC, credit) AS credit
    FROM said GROUP BY release_key
),
described AS (
    SELECT release_key, min(release_mbid) AS mbid, min(date) AS date, min(barcode) AS barcode, min(label) AS label,
           min(catalogue_number) AS catalogue_number, count(DISTINCT cluster) AS tracks
    FROM track JOIN member USING (t) WHERE release_key IS NOT NULL GROUP BY release_key
),
identified AS (
    SELECT *, coalesce(mbid, local_id('release', release_key)) AS id FROM named JOIN described USING (release_key)
)
SELECT row_number() OVER (ORDER BY id) - 1 AS release, * FROM identified;
