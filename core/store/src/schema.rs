//! The tables of the conversations and their index, and what carries older files over to them.

use rusqlite::Transaction;
use rusqlite_migration::{HookResult, M};

use crate::search::TITLES;

/// Until now there was one history, of request and reply in one row. It becomes the conversation of the doors that have no
/// choice of conversations.
pub(crate) fn conversations<'a>() -> M<'a> {
    M::up_with_hook(
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
        |transaction: &Transaction<'_>| -> HookResult {
            let mut titles = transaction.prepare("SELECT id, title FROM conversation")?;
            let mut rows = titles.query([])?;
            while let Some(row) = rows.next()? {
                TITLES.add(transaction, row.get(0)?, row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
            }
            Ok(())
        },
    )
}
