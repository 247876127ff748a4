//! The keys in words: those that matter now on one line, and all of them in the help.

use unicode_width::UnicodeWidthStr as _;

use super::state::Mode;

/// The keys of a mode, the more important first: as many as fit into `width` columns.
pub(super) fn keys(mode: &Mode, answers: bool, width: usize) -> String {
    let keys: &[&str] = match mode {
        Mode::Writing if answers => &["Esc stop", "F1 help", "^P daemon", "PgUp PgDn scroll", "^C quit"],
        Mode::Writing => &["F1 help", "Enter send", "Tab messages", "^F search", "^N new", "^P daemon", "^C quit"],
        Mode::Editing { .. } => &["Enter send", "Esc leave", "Alt+Enter new line"],
        Mode::Messages(_) => &["Esc write", "e edit", "r again", "d delete", "Tab conversations"],
        Mode::Conversations(_) => &["Enter open", "n new", "r rename", "d delete", "Esc write"],
        Mode::Renaming { .. } => &["Enter rename", "Esc leave"],
        Mode::Deleting(_) => &["y delete", "any other key leaves it"],
        Mode::Searching { .. } => &["Enter open", "Up Down choose", "Esc leave"],
        Mode::Help => &["any key goes back"],
    };
    let mut line = String::new();
    for key in keys {
        let between = if line.is_empty() { "" } else { "  " };
        if line.width() + between.len() + key.width() > width {
            break;
        }
        line.push_str(between);
        line.push_str(key);
    }
    line
}

/// All of them, on lines of 40 columns that a terminal of twelve lines has room for.
pub(super) const HELP: [&str; 9] = [
    "Enter send   Alt+Enter or ^J new line",
    "Esc stop the reply: what was shown stays",
    "Up in an empty line: edit what you said",
    "^R again, or another reply  ^Y confirm",
    "Tab messages, then conversations:",
    "  e edit  r again or rename  d delete",
    "^N new conversation  ^F search them all",
    "^P what the daemon does just now",
    "PgUp PgDn scroll  F1 or ? help  ^C quit",
];
