-- Two lengths are the same when they differ by no more than this (milliseconds).
CREATE MACRO tolerance_ms() AS 3000;

-- Bit error rates of fingerprints: below the first the same recording, below the second worth a look.
CREATE MACRO same_below() AS 0.10;
CREATE MACRO alike_below() AS 0.20;

-- An ISRC as an integer and back: exact, and in the same order. Joins and sorts on it cost a quarter of the text's.
CREATE MACRO isrc_code(isrc) AS
    ((((ascii(isrc) * 91 + ascii(substr(isrc, 2, 1))) * 91 + ascii(substr(isrc, 3, 1))) * 91
        + ascii(substr(isrc, 4, 1)))::BIGINT * 91 + ascii(substr(isrc, 5, 1))) * 10000000 + substr(isrc, 6)::BIGINT;
CREATE MACRO isrc_text(code) AS
    chr((code // 685749610000000)::INTEGER) || chr((code // 7535710000000 % 91)::INTEGER)
    || chr((code // 82810000000 % 91)::INTEGER) || chr((code // 910000000 % 91)::INTEGER)
    || chr((code // 10000000 % 91)::INTEGER) || lpad((code % 10000000)::TEXT, 7, '0');

-- What stays the same in every snapshot and names the track in our own UUIDs.
CREATE MACRO evidence_of(file_sha256, source, source_id) AS coalesce('sha256:' || file_sha256, source || ':' || source_id);

-- The same UUIDv5 (RFC 9562 §5.5) as model.identifiers.public_id, of a seed "source:local id". A test compares them.
CREATE MACRO hash5(name) AS sha1(unhex('930e3beae6cc53ffa3831fe7fd382ffe') || encode(name));
CREATE MACRO uuid5(h) AS
    h[1:8] || '-' || h[9:12] || '-5' || h[14:16] || '-'
    || substr('89ab', (instr('0123456789abcdef', h[17]) - 1) % 4 + 1, 1) || h[18:20] || '-' || h[21:32];
CREATE MACRO local_id(kind, seed) AS
    uuid5(hash5(split_part(seed, ':', 1) || ':' || kind || substr(seed, instr(seed, ':'))));

-- True, false, or null when it cannot be said.
CREATE MACRO lengths_differ(x, y) AS abs(x - y) > tolerance_ms();
CREATE MACRO people_differ(x, y) AS
    CASE WHEN len(x) > 0 AND len(y) > 0 THEN NOT list_has_any(x, y) END;
