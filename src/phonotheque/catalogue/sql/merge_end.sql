CREATE OR REPLACE TABLE member AS
SELECT t, coalesce(root, cluster) AS cluster FROM member LEFT JOIN become ON become.node = member.cluster;
