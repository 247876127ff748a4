//! The tables of the conversations, of people and of what is sealed, and what carries older files over to them.

use rusqlite_migration::M;

/// Until now there was one history, of request and reply in one row. It becomes the conversation of the doors that have no
/// choice of conversations.
pub(crate) fn conversations<'a>() -> M<'a> {
    M::up(
        "CREATE TABLE conversation (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            -- The same in every store that it is carried to.
            key TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))),
            title TEXT NOT NULL,
            temporary INTEGER NOT NULL CHECK (temporary IN (0, 1)),
            system_prompt TEXT,            -- NULL: the one of the configuration
            created INTEGER NOT NULL,      -- Unix milliseconds
            changed INTEGER NOT NULL,      -- when something was last said in it, Unix milliseconds
            -- By this they are listed. Clocks are set back, this only grows.
            recency INTEGER NOT NULL UNIQUE,
            -- 1 in the conversation of the doors that have no choice of conversations.
            standing INTEGER UNIQUE CHECK (standing = 1)
        ) STRICT;
        CREATE TABLE message (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- also the order in which they were said
            conversation INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
            role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
            door TEXT,                     -- 'voice', 'terminal', or NULL where nobody knows
            at INTEGER NOT NULL,           -- Unix milliseconds
            text TEXT NOT NULL,
            heard TEXT,                    -- of a reply, what was heard, if that is not all of it
            -- The message that an edit put in place of this one, which is hidden since.
            replaced_by INTEGER REFERENCES message (id) ON DELETE CASCADE
        ) STRICT;
        CREATE INDEX message_conversation ON message (conversation, replaced_by, id);
        CREATE INDEX message_replaced ON message (replaced_by) WHERE replaced_by IS NOT NULL;

        INSERT INTO conversation (id, title, temporary, created, changed, recency, standing)
            SELECT 1, 'Voice and terminal', 0, min(at), max(at), 1, 1 FROM exchange HAVING count(*) > 0;
        INSERT INTO message (id, conversation, role, door, at, text)
            SELECT 2 * id - 1, 1, 'user', door, at, asked FROM exchange
            UNION ALL SELECT 2 * id, 1, 'assistant', door, at, heard FROM exchange
            ORDER BY 1;
        DROP TABLE exchange;

        -- What stands in them is made in words.rs: whole tokens, which the tokenizer only has to tell apart at the spaces.
        CREATE VIRTUAL TABLE message_words
            USING fts5 (words, content = '', columnsize = 0, detail = none, tokenize = 'ascii');
        CREATE VIRTUAL TABLE title_words
            USING fts5 (words, content = '', columnsize = 0, detail = none, tokenize = 'ascii');
        -- Messages up to this one are in the index, the others wait for it.
        CREATE TABLE indexed_to (only INTEGER PRIMARY KEY CHECK (only = 1), message INTEGER NOT NULL) STRICT;
        INSERT INTO message_words (message_words, rank) VALUES ('secure-delete', 1);
        INSERT INTO title_words (title_words, rank) VALUES ('secure-delete', 1);",
    )
}

/// What the panel keeps: since when there is a secret, the owner's personas, and which of them speaks in a conversation.
pub(crate) fn panel<'a>() -> M<'a> {
    M::up(
        "CREATE TABLE IF NOT EXISTS secret_since (
            name TEXT PRIMARY KEY REFERENCES secret (name) ON DELETE CASCADE,
            at INTEGER NOT NULL            -- Unix milliseconds
        ) STRICT;
        CREATE TABLE IF NOT EXISTS persona (
            name TEXT PRIMARY KEY,
            pack BLOB NOT NULL             -- sealed with the device's key
        ) STRICT;
        CREATE TABLE IF NOT EXISTS conversation_persona (
            conversation INTEGER PRIMARY KEY REFERENCES conversation (id) ON DELETE CASCADE,
            persona TEXT NOT NULL
        ) STRICT;",
    )
}

/// From here on there are people, and what they say is sealed. What was said before waits in tables of their own until the
/// store is opened with a key (see `settle`): a column of sealed texts can't hold a plain one.
pub(crate) fn people<'a>() -> M<'a> {
    M::up(
        "CREATE TABLE person (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
            name TEXT COLLATE NOCASE UNIQUE,
            role TEXT NOT NULL CHECK (role IN ('owner', 'member', 'guest')),
            tier TEXT NOT NULL CHECK (tier IN ('standard', 'private', 'ephemeral')),
            data_key BLOB,                 -- wrapped by the device's key, or by one from the passphrase
            passphrase BLOB,               -- of it, what Argon2id needs to make that key
            password BLOB,                 -- a hash
            pin BLOB,                      -- a hash
            pin_wrong INTEGER NOT NULL DEFAULT 0,
            pin_rests_until INTEGER NOT NULL DEFAULT 0,  -- Unix milliseconds
            since INTEGER NOT NULL         -- Unix milliseconds
        ) STRICT;
        CREATE UNIQUE INDEX person_owner ON person (role) WHERE role = 'owner';
        -- Something that only the device's key opens, by which the right one is known.
        CREATE TABLE device_key (only INTEGER PRIMARY KEY CHECK (only = 1), proof BLOB NOT NULL) STRICT;
        CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;

        CREATE TABLE traffic (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES person (number),
            at INTEGER NOT NULL,           -- Unix milliseconds
            turn INTEGER,
            conversation INTEGER,
            purpose TEXT NOT NULL,
            host TEXT NOT NULL,
            provider TEXT NOT NULL,
            tier TEXT NOT NULL CHECK (tier IN ('device', 'house', 'outside')),
            sent INTEGER NOT NULL,         -- bytes
            received INTEGER NOT NULL      -- bytes
        ) STRICT;
        CREATE INDEX traffic_person ON traffic (person, id);
        CREATE INDEX traffic_at ON traffic (at);

        DROP INDEX message_conversation;
        DROP INDEX message_replaced;
        DROP TABLE message_words;
        DROP TABLE title_words;
        DROP TABLE indexed_to;
        ALTER TABLE conversation RENAME TO plain_conversation;
        ALTER TABLE message RENAME TO plain_message;
        ALTER TABLE fact RENAME TO plain_fact;

        CREATE TABLE conversation (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES person (number),
            -- The same in every store that it is carried to.
            key TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))),
            title BLOB NOT NULL,           -- sealed
            temporary INTEGER NOT NULL CHECK (temporary IN (0, 1)),
            system_prompt BLOB,            -- sealed; NULL: the one of the configuration
            summary BLOB,                  -- sealed; of what was said up to summarised_to
            summarised_to INTEGER,         -- the last message that is in it
            created INTEGER NOT NULL,      -- Unix milliseconds
            changed INTEGER NOT NULL,      -- when something was last said in it, Unix milliseconds
            -- By this they are listed. Clocks are set back, this only grows.
            recency INTEGER NOT NULL UNIQUE,
            -- 1 in the conversation of the doors that have no choice of conversations.
            standing INTEGER CHECK (standing = 1),
            UNIQUE (person, key),
            UNIQUE (person, standing)
        ) STRICT;
        CREATE INDEX conversation_person ON conversation (person, recency);
        CREATE TABLE message (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- also the order in which they were said
            conversation INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
            role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
            door TEXT,                     -- 'voice', 'terminal', or NULL where nobody knows
            at INTEGER NOT NULL,           -- Unix milliseconds
            text BLOB NOT NULL,            -- sealed
            heard BLOB,                    -- sealed; of a reply, what was heard, if that is not all of it
            -- The message that an edit put in place of this one, which is hidden since.
            replaced_by INTEGER REFERENCES message (id) ON DELETE CASCADE
        ) STRICT;
        CREATE INDEX message_conversation ON message (conversation, replaced_by, id);
        CREATE INDEX message_replaced ON message (replaced_by) WHERE replaced_by IS NOT NULL;
        CREATE TABLE fact (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES person (number),
            text BLOB NOT NULL,            -- sealed
            digest BLOB NOT NULL,          -- a keyed hash, by which the same is not remembered twice
            at INTEGER NOT NULL,           -- when it was last told, Unix milliseconds
            UNIQUE (person, digest)
        ) STRICT;
        -- A person's messages up to this one are in the index, the others wait for it.
        CREATE TABLE indexed_to (person INTEGER PRIMARY KEY, message INTEGER NOT NULL) STRICT;
        INSERT INTO sqlite_sequence (name, seq)
            SELECT substr(name, 7), seq FROM sqlite_sequence WHERE name LIKE 'plain\\_%' ESCAPE '\\';",
    )
}

/// What waits to be said aloud. It is the person's who wants it said.
pub(crate) fn announcements<'a>() -> M<'a> {
    M::up(
        "CREATE TABLE announcement (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES person (number),
            text BLOB NOT NULL,            -- sealed
            due INTEGER NOT NULL           -- Unix milliseconds
        ) STRICT;
        CREATE INDEX announcement_due ON announcement (due);
        CREATE INDEX announcement_person ON announcement (person);",
    )
}

/// Timers can be paused, alarms come, and what rings is known to ring until it was heard: a power cut before that
/// must not lose it.
pub(crate) fn time<'a>() -> M<'a> {
    M::up(
        "ALTER TABLE timer RENAME TO older_timer;
        DROP INDEX IF EXISTS timer_due;
        CREATE TABLE timer (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT,
            length INTEGER NOT NULL,       -- milliseconds
            due INTEGER NOT NULL,          -- Unix milliseconds
            remaining INTEGER,             -- of one that is paused, milliseconds
            state TEXT NOT NULL DEFAULT 'running'
                CHECK (state IN ('running', 'paused', 'ringing', 'rung', 'cancelled')),
            CHECK ((state = 'paused') <= (remaining IS NOT NULL))
        ) STRICT;
        CREATE INDEX timer_due ON timer (due) WHERE state = 'running';
        INSERT INTO timer (id, name, length, due, state) SELECT id, name, length, due, state FROM older_timer;
        DROP TABLE older_timer;

        ALTER TABLE announcement ADD COLUMN ringing INTEGER NOT NULL DEFAULT 0 CHECK (ringing IN (0, 1));

        -- By local time of day, wherever the device is and whatever its clocks are put to.
        CREATE TABLE alarm (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            second INTEGER NOT NULL CHECK (second BETWEEN 0 AND 86399),  -- of the day, by the clock on the wall
            days INTEGER NOT NULL CHECK (days BETWEEN 0 AND 127),        -- bit 0 is Monday; 0: once, on `date`
            date TEXT,                     -- of one that rings once
            skip TEXT,                     -- the date on which it does not ring
            over_to INTEGER NOT NULL,      -- what was to ring by then is over, Unix milliseconds
            snoozed_until INTEGER,         -- Unix milliseconds
            ringing INTEGER,               -- since when, Unix milliseconds
            CHECK ((days = 0) = (date IS NOT NULL))
        ) STRICT;",
    )
}

/// Announcements can be reminders, and are said again on days of every week.
pub(crate) fn reminders<'a>() -> M<'a> {
    M::up(
        "ALTER TABLE announcement ADD COLUMN reminder INTEGER NOT NULL DEFAULT 0 CHECK (reminder IN (0, 1));
        -- 1: of what waits, this was meant for this device and no other in the house.
        ALTER TABLE announcement ADD COLUMN here INTEGER NOT NULL DEFAULT 0 CHECK (here IN (0, 1));
        -- On which days it is said again, bit 0 is Monday, and when, by the clock on the wall. NULL: it is said once.
        ALTER TABLE announcement ADD COLUMN days INTEGER CHECK (days BETWEEN 1 AND 127);
        ALTER TABLE announcement ADD COLUMN second INTEGER CHECK (second BETWEEN 0 AND 86399);",
    )
}

/// Who signed in from elsewhere, the API tokens of programs, and the audit log.
pub(crate) fn accounts<'a>() -> M<'a> {
    M::up(
        "CREATE TABLE session (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES person (number),
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),  -- of the secret, SHA-256
            since INTEGER NOT NULL,        -- Unix milliseconds
            last_seen INTEGER NOT NULL,    -- Unix milliseconds
            address TEXT NOT NULL,         -- from which they signed in
            agent TEXT NOT NULL            -- what the browser calls itself
        ) STRICT;
        CREATE INDEX session_person ON session (person, last_seen);
        CREATE TABLE api_token (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES person (number),
            name TEXT NOT NULL,            -- for people
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),  -- of the secret, SHA-256
            scopes TEXT NOT NULL,          -- words with spaces between them
            since INTEGER NOT NULL,        -- Unix milliseconds
            last_used INTEGER              -- Unix milliseconds
        ) STRICT;
        CREATE INDEX api_token_person ON api_token (person);
        -- Whoever is erased stays in it as a number that means nobody.
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY,        -- without gaps
            at INTEGER NOT NULL,           -- Unix milliseconds
            who BLOB CHECK (length(who) = 16),
            what TEXT NOT NULL,
            address TEXT NOT NULL,
            tag BLOB NOT NULL              -- an authenticator of this row and of the one before
        ) STRICT;
        -- The last row that was deleted, to which the oldest is chained.
        CREATE TABLE audit_anchor (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            id INTEGER NOT NULL,
            tag BLOB NOT NULL,
            proof BLOB NOT NULL            -- an authenticator of both
        ) STRICT;",
    )
}

/// Short-lived tokens, passkeys, sign-in by a provider, codes for a first password, and sessions that end soon.
pub(crate) fn sign_in<'a>() -> M<'a> {
    M::up(
        "ALTER TABLE session ADD COLUMN until INTEGER;  -- Unix milliseconds; NULL: as long as any
        CREATE TABLE token_family (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES person (number),
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),   -- of what all its refresh tokens begin with, SHA-256
            current BLOB NOT NULL CHECK (length(current) = 32),    -- of the rest of the newest, SHA-256
            scopes TEXT NOT NULL,          -- words with spaces between them
            since INTEGER NOT NULL,        -- Unix milliseconds
            last_used INTEGER NOT NULL,    -- Unix milliseconds
            address TEXT NOT NULL,
            agent TEXT NOT NULL
        ) STRICT;
        CREATE INDEX token_family_person ON token_family (person, last_used);
        CREATE TABLE passkey (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES person (number),
            credential BLOB NOT NULL UNIQUE,
            host TEXT NOT NULL,            -- under which name of this device it is good
            algorithm TEXT NOT NULL CHECK (algorithm IN ('ES256', 'EdDSA')),
            public_key BLOB NOT NULL,
            sign_count INTEGER NOT NULL,
            name TEXT NOT NULL,            -- for people
            since INTEGER NOT NULL,        -- Unix milliseconds
            last_used INTEGER              -- Unix milliseconds
        ) STRICT;
        CREATE INDEX passkey_person ON passkey (person);
        -- Under which name another server vouches for somebody.
        CREATE TABLE link (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            person INTEGER NOT NULL REFERENCES person (number),
            issuer TEXT NOT NULL,
            subject TEXT NOT NULL,
            since INTEGER NOT NULL,        -- Unix milliseconds
            UNIQUE (issuer, subject),
            UNIQUE (person, issuer)
        ) STRICT;
        -- With a code somebody may set their password once.
        CREATE TABLE invitation (
            person INTEGER PRIMARY KEY REFERENCES person (number),
            tag BLOB NOT NULL,             -- an authenticator of the code
            until INTEGER NOT NULL         -- Unix milliseconds
        ) STRICT;",
    )
}
