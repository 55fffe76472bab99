-- Releases, by the hash of their key: the facts that are on each, and the most complete of them.
CREATE OR REPLACE TABLE on_release AS
SELECT fact, hash(release_key) AS release_hash, hash(album, album_credit) AS telling,
       (7 - (album IS NOT NULL)::INTEGER - (album_credit IS NOT NULL)::INTEGER - (date IS NOT NULL)::INTEGER
          - (barcode IS NOT NULL)::INTEGER - (label IS NOT NULL)::INTEGER - (country IS NOT NULL)::INTEGER)::BIGINT
       * 1152921504606846976 + fact AS rank
FROM fact WHERE release_key IS NOT NULL;

CREATE OR REPLACE TABLE release_face AS
WITH grouped AS (
    SELECT release_hash, min(rank) % 1152921504606846976 AS fact, min(telling) <> max(telling) AS disputed
    FROM on_release GROUP BY release_hash
),
voted AS (
    SELECT release_hash, telling, count(*) AS times, min(rank) AS rank
    FROM on_release SEMI JOIN (SELECT release_hash FROM grouped WHERE disputed) USING (release_hash)
    GROUP BY release_hash, telling
),
elected AS (
    SELECT release_hash, arg_min(rank, (-times, rank)) % 1152921504606846976 AS fact FROM voted GROUP BY release_hash
)
SELECT release_hash, coalesce(elected.fact, grouped.fact) AS fact FROM grouped LEFT JOIN elected USING (release_hash);

-- A recording that is told twice on a release is on it once.
CREATE OR REPLACE TABLE release_size AS
SELECT release_hash, count(*)::INTEGER AS tracks
FROM (
    SELECT release_hash FROM on_release JOIN placed USING (fact) WHERE NOT together
    UNION ALL
    SELECT release_hash
    FROM (SELECT DISTINCT release_hash, recording FROM on_release JOIN placed USING (fact) WHERE together)
)
GROUP BY release_hash;

-- Numbered by their facts before any text is fetched: sorting text costs more than joining it.
CREATE OR REPLACE TABLE release_number AS
SELECT row_number() OVER (ORDER BY fact) - 1 AS release, release_hash, fact FROM release_face;

CREATE OR REPLACE TABLE release AS
SELECT release, release_hash, release_mbid AS mbid,
       CASE WHEN release_mbid IS NULL AND release_id IS NOT NULL THEN source || ':' || release_id END AS source_id,
       coalesce(release_mbid, local_id('release', release_key)) AS id,
       album AS title, coalesce(album_credit, credit) AS credit, release_type AS type, date, country, barcode,
       label, catalogue_number, tracks
FROM release_number JOIN fact USING (fact) JOIN release_size USING (release_hash);
DROP TABLE release_face;
DROP TABLE release_number;
DROP TABLE release_size;
