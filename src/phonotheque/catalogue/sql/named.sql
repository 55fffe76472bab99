-- Clusters that hold a recording of MusicBrainz.
CREATE OR REPLACE TABLE named AS
SELECT DISTINCT coalesce(cluster, fact) AS cluster FROM named_fact LEFT JOIN member USING (fact);
