//! Markdown, HTML and emoji out of a clause, leaving the plain sentence that is in it.
//!
//! A clause is a piece of a reply, cut anywhere between words, so there is no document to parse: emphasis may open in
//! one clause and close in the next. Marks are therefore judged by what stands beside them, and every line by how it
//! begins. No mark is ever read aloud: a link is its text, a bare address its host, a code block a short remark.

/// The plain text of a piece of Markdown. `starts_line` says whether it begins a line of the reply, where "1." and "-"
/// begin a list item rather than join words; `ends_line` whether a line ends with it, so that a heading or an item
/// without a stop gets one and the voice falls.
pub(super) fn plain(written: &str, starts_line: bool, ends_line: bool) -> String {
    let mut out = String::with_capacity(written.len());
    let mut lines = written.trim_start_matches('\n').split('\n').peekable();
    let mut starts_line = starts_line;
    while let Some(line) = lines.next() {
        let said = if let Some(fence) = starts_line.then(|| Fence::open(line)).flatten() {
            lines.by_ref().find(|line| fence.closes(line));
            fence.remark()
        } else if starts_line {
            block(line)
        } else {
            inline(line)
        };
        let last = lines.peek().is_none();
        let closes = if last { ends_line } else { starts_line && is_block(line) };
        add_line(&mut out, &if closes { closed(&said) } else { said });
        starts_line = true;
    }
    tidy(&out)
}

/// An opened code block.
pub(super) struct Fence<'a> {
    mark: char,
    length: usize,
    language: &'a str,
}

impl<'a> Fence<'a> {
    /// The fence that this line opens, if it does.
    pub(super) fn open(line: &'a str) -> Option<Self> {
        let line = line.trim();
        let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let rest = line.trim_start_matches(mark);
        let length = line.len() - rest.len();
        (length >= 3 && !rest.contains('`')).then(|| Self { mark, length, language: rest.trim() })
    }

    /// True for the line that closes this block.
    pub(super) fn closes(&self, line: &str) -> bool {
        let line = line.trim();
        line.len() >= self.length && line.chars().all(|c| c == self.mark)
    }

    fn remark(&self) -> String {
        let language =
            self.language.split(|c: char| !(c.is_alphanumeric() || c == '+' || c == '#')).next().unwrap_or("");
        match language {
            "" | "text" | "txt" | "plaintext" => "There is a block of text here that I won't read aloud.".to_owned(),
            language => format!("There is some {} here that I won't read aloud.", language_name(language)),
        }
    }
}

/// True if a line beginning like this is a block of its own: a list item, heading, quotation, table row or rule.
pub(super) fn is_block(line: &str) -> bool {
    let line = line.trim_start();
    matches!(line.chars().next(), Some('#' | '|' | '>' | '•' | '◦' | '▪' | '`' | '~'))
        || bullet(line).is_some()
        || numbered(line).is_some()
        || is_rule(line)
}

/// The number of an ordered list's item, and what follows it.
pub(super) fn numbered(line: &str) -> Option<(&str, &str)> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.get(digits..)?.strip_prefix(['.', ')'])?;
    ((1..=3).contains(&digits) && rest.starts_with([' ', '\t'])).then(|| (&line[..digits], rest.trim_start()))
}

fn language_name(language: &str) -> String {
    match language.to_ascii_lowercase().as_str() {
        "py" | "python" => "Python code".to_owned(),
        "rs" | "rust" => "Rust code".to_owned(),
        "js" | "javascript" => "JavaScript".to_owned(),
        "ts" | "typescript" => "TypeScript".to_owned(),
        "sh" | "bash" | "shell" | "zsh" | "console" => "shell code".to_owned(),
        "c" | "cpp" | "c++" | "java" | "go" | "ruby" | "php" | "swift" | "kotlin" => format!("{language} code"),
        "json" | "yaml" | "toml" | "html" | "css" | "sql" | "xml" => language.to_ascii_uppercase(),
        _ => "code".to_owned(),
    }
}

fn bullet(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(['-', '*', '+', '•', '◦', '▪', '–'])?;
    rest.starts_with([' ', '\t']).then(|| rest.trim_start())
}

/// "---", "* * *", "|---|:--:|".
fn is_rule(line: &str) -> bool {
    let marks: Vec<char> = line.chars().filter(|c| !c.is_whitespace()).collect();
    let table = marks.contains(&'|') && marks.iter().all(|c| matches!(c, '|' | '-' | ':'));
    let rule = marks.len() >= 3 && marks.iter().all(|c| *c == marks[0] && matches!(c, '-' | '*' | '_' | '='));
    table || rule
}

/// A whole line without what marks its kind.
fn block(line: &str) -> String {
    let mut rest = line.trim();
    while let Some(quoted) = rest.strip_prefix('>') {
        rest = quoted.trim_start();
    }
    if is_rule(rest) {
        return String::new();
    }
    if rest.starts_with('|') {
        return row(rest);
    }
    let heading = rest.trim_start_matches('#');
    if heading.len() < rest.len() && (heading.starts_with(' ') || heading.is_empty()) {
        return inline(heading.trim().trim_end_matches('#'));
    }
    let mut number = "";
    if let Some(item) = bullet(rest) {
        rest = item;
    } else if let Some((digits, item)) = numbered(rest) {
        (number, rest) = (digits, item);
    }
    for tick in ["[ ] ", "[x] ", "[X] "] {
        rest = rest.strip_prefix(tick).unwrap_or(rest);
    }
    let said = inline(rest);
    if number.is_empty() { said } else { format!("{number}, {said}") }
}

fn row(line: &str) -> String {
    let cells = line.trim().trim_matches('|').split('|').map(|cell| inline(cell.trim()));
    let cells: Vec<String> = cells.filter(|cell| !cell.is_empty()).collect();
    cells.join(", ")
}

/// The text as a sentence: a stop behind its last word.
fn closed(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(char::is_alphanumeric) { format!("{text}.") } else { text.to_owned() }
}

/// Marks inside a line.
fn inline(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let before = out.chars().next_back();
        if let Some((said, next)) = link(rest).or_else(|| address(rest, before)).or_else(|| html(rest)) {
            out.push_str(&said);
            rest = next;
            continue;
        }
        match c {
            '\\' if after.starts_with(|c: char| c.is_ascii_punctuation()) => {
                let escaped = after.chars().next().filter(|c| !"()[]".contains(*c));
                out.extend(escaped);
                rest = &after[1..];
                continue;
            }
            '`' | '\u{200d}' | '\u{200b}' | '\u{feff}' | '™' | '®' => {}
            '*' if joins_numbers(before, after) => out.push('*'),
            '*' => {}
            '_' if before.is_some_and(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric) => {
                out.push('_')
            }
            '_' => {}
            '~' if after.starts_with('~') => rest = after,
            '|' => out.push(','),
            '\u{200a}' | '\u{2009}' => out.push(' '),
            c if is_emoji(c) => out.push(' '),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
        rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
    }
    out
}

/// "2 * 3" and "2*3" multiply; every other asterisk is emphasis.
fn joins_numbers(before: Option<char>, after: &str) -> bool {
    let after = after.chars().next();
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    (digit(before) && digit(after)) || (before == Some(' ') && after == Some(' '))
}

/// `[text](address)`, `![picture](address)`, `[text][reference]`, and source marks such as `[1]` and `[^note]`.
fn link(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix("![").or_else(|| text.strip_prefix('['))?;
    let end = closing(inside, '[', ']')?;
    let (label, rest) = (&inside[..end], &inside[end + 1..]);
    if let Some(target) = rest.strip_prefix('(')
        && let Some(end) = closing(target, '(', ')')
    {
        return Some((inline(label), &target[end + 1..]));
    }
    let source =
        label.starts_with('^') || (!label.is_empty() && label.len() <= 2 && label.bytes().all(|b| b.is_ascii_digit()));
    source.then(|| (String::new(), rest))
}

fn closing(text: &str, open: char, close: char) -> Option<usize> {
    const FARTHEST: usize = 600;
    let mut depth = 0;
    for (index, c) in text.char_indices().take(FARTHEST) {
        if c == open {
            depth += 1;
        } else if c == close {
            if depth == 0 {
                return Some(index);
            }
            depth -= 1;
        }
    }
    None
}

/// A bare address is named by its host: nobody wants its path read out.
fn address(text: &str, before: Option<char>) -> Option<(String, &str)> {
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let bracketed = text.starts_with('<');
    let start = text.strip_prefix('<').unwrap_or(text);
    let rest = ["https://", "http://", "www."].iter().find_map(|scheme| start.strip_prefix(scheme))?;
    let end = rest.find(|c: char| c.is_whitespace() || "<>\"`|".contains(c)).unwrap_or(rest.len());
    let target = rest[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '*', '_', '\'']);
    let host = target.split(['/', '?', '#', ':']).next().unwrap_or(target);
    let after = &rest[target.len()..];
    let after = if bracketed { after.strip_prefix('>').unwrap_or(after) } else { after };
    Some((host.strip_prefix("www.").unwrap_or(host).to_owned(), after))
}

/// A tag is dropped; the usual entities become their characters.
fn html(text: &str) -> Option<(String, &str)> {
    const ENTITIES: [(&str, &str); 8] = [
        ("&amp;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&nbsp;", " "),
        ("&deg;", "°"),
    ];
    if let Some((entity, said)) = ENTITIES.iter().find(|(entity, _)| text.starts_with(entity)) {
        return Some(((*said).to_owned(), &text[entity.len()..]));
    }
    let inside = text.strip_prefix('<')?;
    let name = inside.strip_prefix('/').unwrap_or(inside);
    if !(name.starts_with(|c: char| c.is_ascii_alphabetic()) || inside.starts_with("!--")) {
        return None;
    }
    let end = inside.find('>').filter(|end| *end < 200)?;
    Some((" ".to_owned(), &inside[end + 1..]))
}

/// Pictographs, dingbats, flags and what combines them. Arrows stay: "A → B" is said "A to B".
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{20e3}' | '\u{e0000}'..='\u{e007f}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{25ff}' | '\u{3030}'
        | '\u{303d}' | '\u{3297}' | '\u{3299}')
}

fn add_line(out: &mut String, said: &str) {
    let said = said.trim();
    if said.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push(' ');
    }
    out.push_str(said);
}

/// Single spaces, and none before the mark that follows a picture: "Hello 👋!" -> "Hello!".
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let mark = word.chars().all(|c| ".,!?;:".contains(c));
        if !out.is_empty() && (!mark || word.starts_with("..")) {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
