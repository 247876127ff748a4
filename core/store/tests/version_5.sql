-- The schema as it was before there were people and before anything was sealed.
CREATE TABLE timer (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, length INTEGER NOT NULL, due INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'rung', 'cancelled'))
) STRICT;
CREATE INDEX timer_due ON timer (due) WHERE state = 'running';
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE turn (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, record TEXT NOT NULL CHECK (json_valid(record))
) STRICT;
CREATE TABLE conversation (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))),
    title TEXT NOT NULL, temporary INTEGER NOT NULL CHECK (temporary IN (0, 1)), system_prompt TEXT,
    created INTEGER NOT NULL, changed INTEGER NOT NULL, recency INTEGER NOT NULL UNIQUE,
    standing INTEGER UNIQUE CHECK (standing = 1), summary TEXT, summarised_to INTEGER
) STRICT;
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')), door TEXT, at INTEGER NOT NULL, text TEXT NOT NULL,
    heard TEXT, replaced_by INTEGER REFERENCES message (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX message_conversation ON message (conversation, replaced_by, id);
CREATE INDEX message_replaced ON message (replaced_by) WHERE replaced_by IS NOT NULL;
CREATE VIRTUAL TABLE message_words USING fts5 (words, content = '', columnsize = 0, detail = none, tokenize = 'ascii');
CREATE VIRTUAL TABLE title_words USING fts5 (words, content = '', columnsize = 0, detail = none, tokenize = 'ascii');
CREATE TABLE indexed_to (only INTEGER PRIMARY KEY CHECK (only = 1), message INTEGER NOT NULL) STRICT;
INSERT INTO title_words (rowid, words) VALUES (7, 'zanzibarian title');
INSERT INTO message_words (rowid, words) VALUES (4, 'zanzibarian wants');
CREATE TABLE fact (
    id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL UNIQUE, at INTEGER NOT NULL
) STRICT;
PRAGMA user_version = 5;
