-- The shelves: made anew from an edition, then only read. Numbers of tracks are their order, the most listened first.
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;

CREATE TABLE made (of_what TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE shelf (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE place (id INTEGER PRIMARY KEY, territory TEXT NOT NULL UNIQUE);  -- where something may be heard

CREATE TABLE artist (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,   -- its public id is made from this: equal for all spellings
    sort TEXT NOT NULL,         -- folded, without a leading article
    letter TEXT NOT NULL
);
CREATE TABLE album (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    sort TEXT NOT NULL,
    artist INTEGER NOT NULL REFERENCES artist,
    year INTEGER,
    date TEXT,
    added_at TEXT NOT NULL,
    label TEXT,
    mbid TEXT,
    cover TEXT,                 -- the SHA-256 of a picture
    first INTEGER NOT NULL      -- its most listened track
);
CREATE TABLE track (
    number INTEGER PRIMARY KEY,
    recording TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    album INTEGER NOT NULL REFERENCES album,
    artist INTEGER NOT NULL REFERENCES artist,
    place INTEGER NOT NULL REFERENCES place,
    year INTEGER,
    length INTEGER NOT NULL,    -- milliseconds
    disc INTEGER,
    position INTEGER,
    sha256 TEXT NOT NULL,       -- of the best file
    copy_sha256 TEXT,           -- of a smaller one, where there is one beside it
    lyrics TEXT,                -- the SHA-256 of a text
    facts TEXT NOT NULL         -- JSON: what is only shown
);
CREATE TABLE genre (id INTEGER PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL UNIQUE);
CREATE TABLE of_genre (genre INTEGER, track INTEGER, PRIMARY KEY (genre, track)) WITHOUT ROWID;

-- What is on which shelf. Artists and albums are, where a track of theirs is that may be heard in a place.
CREATE TABLE on_shelf (shelf INTEGER, track INTEGER, PRIMARY KEY (shelf, track)) WITHOUT ROWID;
CREATE TABLE artist_on (
    shelf INTEGER, artist INTEGER, place INTEGER, PRIMARY KEY (shelf, artist, place)
) WITHOUT ROWID;
CREATE TABLE album_on (
    shelf INTEGER, album INTEGER, place INTEGER, PRIMARY KEY (shelf, album, place)
) WITHOUT ROWID;

CREATE VIRTUAL TABLE track_words USING fts5(words, content='', columnsize=0, tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* P* S* C*'");
CREATE VIRTUAL TABLE album_words USING fts5(words, content='', columnsize=0, tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* P* S* C*'");
CREATE VIRTUAL TABLE artist_words USING fts5(words, content='', columnsize=0, tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* P* S* C*'");
