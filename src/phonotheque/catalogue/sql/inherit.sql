-- Who inherits an id of the previous snapshot: the cluster that holds the fact its UUID was made from, else the one
-- with the smallest of its facts that is still here. So an id goes to one cluster only, also when a recording was split.
CREATE OR REPLACE TABLE heir AS
WITH followed AS (
    SELECT recording, carried.fact, coalesce(cluster, carried.fact) AS cluster
    FROM previous_tracks p JOIN carried ON carried.previous_fact = p.fact
    LEFT JOIN member ON member.fact = carried.fact
),
agreed AS (
    SELECT recording, min(cluster) AS cluster, min(cluster) <> max(cluster) AS split FROM followed GROUP BY recording
),
divided AS (
    SELECT recording, cluster
    FROM followed JOIN (SELECT recording FROM agreed WHERE split) USING (recording)
    JOIN (SELECT fact, evidence_of(file_sha256, source, source_id) AS evidence FROM fact) told USING (fact)
    JOIN (SELECT recording, seed FROM previous_recordings) USING (recording)
    QUALIFY row_number() OVER (PARTITION BY recording ORDER BY evidence <> seed, evidence) = 1
)
SELECT old.id AS old_id, old.by_musicbrainz AS named, old.seed, coalesce(divided.cluster, agreed.cluster) AS cluster
FROM agreed LEFT JOIN divided USING (recording) JOIN previous_recordings old USING (recording);

-- What a cluster inherits: the smallest seed; an MBID only as long as one of its facts still has it.
CREATE OR REPLACE TABLE inherited AS
SELECT heir.cluster, min(seed) AS seed, min(mbid) AS mbid
FROM heir LEFT JOIN (
    SELECT DISTINCT coalesce(member.cluster, fact) AS cluster, mbid::TEXT AS mbid
    FROM named_fact LEFT JOIN member USING (fact)
) claimed ON heir.named AND claimed.cluster = heir.cluster AND claimed.mbid = heir.old_id
GROUP BY heir.cluster;
