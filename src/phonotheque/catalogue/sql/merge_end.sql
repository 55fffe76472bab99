-- Whoever was alone and is no longer joins the members; those who were in a cluster follow it.
CREATE OR REPLACE TABLE member AS
SELECT fact, coalesce(root, cluster) AS cluster FROM member LEFT JOIN become ON become.node = cluster
UNION ALL
SELECT node, root FROM become ANTI JOIN member ON member.fact = node WHERE node <> root
UNION ALL
-- the root itself, once it has others with it
SELECT DISTINCT root, root FROM become ANTI JOIN member ON member.fact = root WHERE node <> root;
