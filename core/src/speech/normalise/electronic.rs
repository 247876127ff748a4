//! E-mail addresses, URLs, host and file names.
//!
//! Words in an address stay words; what follows the last dot is a word only if people say it as one ("dot com") and
//! is spelled otherwise ("dot UK"). The upper case asks the voice to spell.

use super::cursor::{Cursor, Reading};
use super::words::digit_by_digit;

/// Nothing that anybody would want read out is longer; it bounds the work on text without spaces.
const LONGEST: usize = 256;

/// Top-level domains that are said as words.
const SPOKEN_DOMAINS: [&str; 22] = [
    "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "name", "shop", "store", "online", "site", "app",
    "dev", "cloud", "blog", "news", "pro", "tech", "page",
];
/// Top-level domains that are spelled, and that make a host name of "word.xx" without anything else to show it. Those
/// that are English words ("it", "is", "in", "at", "so", "me") count only in an address that is certain anyway.
const SPELLED_DOMAINS: [&str; 30] = [
    "uk", "de", "fr", "es", "nl", "eu", "io", "ai", "co", "tv", "ch", "se", "dk", "fi", "pl", "pt", "ie", "jp", "cn",
    "ca", "au", "nz", "br", "mx", "ru", "kr", "sm", "cz", "gr", "us",
];
const FILE_ENDINGS: [&str; 24] = [
    "pdf", "txt", "md", "html", "htm", "csv", "json", "xml", "yaml", "yml", "toml", "zip", "gz", "doc", "docx", "xls",
    "xlsx", "jpg", "jpeg", "png", "mp3", "wav", "py", "rs",
];

/// Reads an address of any of these kinds.
pub(super) fn read(at: Cursor<'_>) -> Reading<'_> {
    let first = at.peek()?;
    if !first.is_ascii_alphanumeric() {
        return None;
    }
    let run = at.unbroken(LONGEST)?;
    let address = run.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '"', '\'', '>', '”', '’']);
    let scheme = address.find("://").filter(|end| address[..*end].bytes().all(|b| b.is_ascii_alphabetic()));
    if let Some(end) = scheme {
        let (name, rest) = (&address[..end], &address[end + 3..]);
        let name = if name == "file" { name.to_owned() } else { name.to_ascii_uppercase() };
        let said = format!("{name} colon slash slash {}", say(rest));
        return Some((said.trim_end().to_owned(), at.skip(address.len())));
    }
    // An address ends where a letter or mark that no address holds begins: "(test.com)and".
    let end =
        address.find(|c: char| !(c.is_ascii_alphanumeric() || "@.-_/:?=&%+#~".contains(c))).unwrap_or(address.len());
    let address = address[..end].trim_end_matches(['.', ':', '-', '/']);
    (is_email(address) || is_host(address)).then(|| (say(address), at.skip(address.len())))
}

fn is_email(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    let host = domain.split('/').next().unwrap_or(domain);
    !local.is_empty()
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_+&%".contains(&b))
        && host.split('.').count() >= 2
        && host.split('.').all(is_label)
}

fn is_host(address: &str) -> bool {
    let host = address.split(['/', ':', '?']).next().unwrap_or(address);
    let labels: Vec<&str> = host.split('.').collect();
    let (Some(first), Some(last)) = (labels.first(), labels.last()) else { return false };
    if labels.len() < 2 || !labels.iter().all(|label| is_label(label)) {
        return false;
    }
    if first.eq_ignore_ascii_case("www") {
        return true;
    }
    let named = first.bytes().any(|b| b.is_ascii_alphabetic()) && first.len() > 1;
    let known = SPOKEN_DOMAINS.contains(last) || SPELLED_DOMAINS.contains(last);
    named && (known || (labels.len() == 2 && FILE_ENDINGS.contains(last)))
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The parts of an address as words: letters as they are, digits one by one, marks by name.
fn say(address: &str) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut at = Cursor::new(address);
    let mut after_dot = false;
    while let Some((c, next)) = at.next() {
        if let Some((letters, next)) = at.letters() {
            said.push(letters_in_address(letters, after_dot, at, next));
            at = next;
        } else if let Some((digits, next)) = at.digits() {
            said.push(digit_by_digit(digits));
            at = next;
        } else {
            said.push(mark(c).map_or_else(|| c.to_string(), str::to_owned));
            at = next;
        }
        after_dot = c == '.';
    }
    said.join(" ")
}

fn letters_in_address(letters: &str, after_dot: bool, at: Cursor<'_>, next: Cursor<'_>) -> String {
    if letters.eq_ignore_ascii_case("www") {
        return "WWW".to_owned();
    }
    let host_so_far = at.behind().contains('.') && !at.behind().contains('/');
    let ends_name = !next.peek().is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '-' || c == '@' || c == '_');
    let domain = after_dot && ends_name && host_so_far && !at.rest().contains('@');
    let file_ending = after_dot && next.rest().is_empty();
    if (domain || file_ending) && letters.len() <= 4 && !SPOKEN_DOMAINS.contains(&letters) {
        return letters.to_ascii_uppercase();
    }
    letters.to_owned()
}

fn mark(c: char) -> Option<&'static str> {
    Some(match c {
        '.' => "dot",
        '@' => "at",
        '-' => "dash",
        '_' => "underscore",
        '/' => "slash",
        ':' => "colon",
        '&' => "ampersand",
        '?' => "question mark",
        '=' => "equals",
        '%' => "percent",
        '+' => "plus",
        '#' => "hash",
        '~' => "tilde",
        _ => return None,
    })
}
