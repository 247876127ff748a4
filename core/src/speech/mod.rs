//! From reply text to clauses that can be spoken, and back to what was heard.
