//! What Pipit remembers, in SQLite.
