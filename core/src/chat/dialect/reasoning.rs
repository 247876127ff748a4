//! Takes `<think>...</think>` out of a reply: models write their reasoning into the text where the server does not
//! separate it, and nobody wants it read aloud.

const OPENING: [&str; 2] = ["<think>", "<thinking>"];
const CLOSING: [&str; 2] = ["</think>", "</thinking>"];

/// What is left of a stretch of text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filtered {
    pub(super) text: String,
    /// Whether reasoning was taken out.
    pub(super) reasoned: bool,
}

/// Filters a reply piece by piece; tags may be split between pieces.
#[derive(Debug, Default)]
pub(super) struct ReasoningFilter {
    /// The beginning of what may become a tag.
    held: String,
    thinking: bool,
    /// White space after reasoning belongs to it.
    just_thought: bool,
}

impl ReasoningFilter {
    pub(super) fn filter(&mut self, text: &str) -> Filtered {
        let mut filtered = Filtered { text: String::new(), reasoned: self.thinking && !text.is_empty() };
        for c in text.chars() {
            if c == '<' || self.held.is_empty() {
                self.release(&mut filtered);
            }
            if c == '<' || !self.held.is_empty() {
                self.held.push(c);
                self.weigh(&mut filtered);
            } else {
                self.pass(c, &mut filtered);
            }
        }
        filtered
    }

    /// The reply is over: what looked like the beginning of a tag was none.
    pub(super) fn finish(&mut self) -> String {
        let mut filtered = Filtered::default();
        self.release(&mut filtered);
        filtered.text
    }

    fn weigh(&mut self, filtered: &mut Filtered) {
        let held = self.held.as_str();
        if CLOSING.contains(&held) || (!self.thinking && OPENING.contains(&held)) {
            self.thinking = OPENING.contains(&held);
            self.just_thought = true;
            filtered.reasoned = true;
            self.held.clear();
        } else if !OPENING.iter().chain(&CLOSING).any(|tag| tag.starts_with(held)) {
            self.release(filtered);
        }
    }

    fn release(&mut self, filtered: &mut Filtered) {
        for c in std::mem::take(&mut self.held).chars() {
            self.pass(c, filtered);
        }
    }

    fn pass(&mut self, c: char, filtered: &mut Filtered) {
        if self.thinking || (self.just_thought && c.is_whitespace()) {
            return;
        }
        self.just_thought = false;
        filtered.text.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &str) -> String {
        let mut filter = ReasoningFilter::default();
        let mut out = filter.filter(text).text;
        out.push_str(&filter.finish());
        out
    }

    #[test]
    fn reasoning_goes_and_the_rest_stays() {
        for (reply, spoken) in [
            ("<think>Hm, 2 < 3 and <b>.</think>\n\nThree.", "Three."),
            ("<think>\n\n</think>\n\nYes.", "Yes."),
            ("<thinking>a</thinking>No.", "No."),
            ("I was thinking </think>\nDone.", "I was thinking Done."),
            ("One < two <<think>x</think>three <thin", "One < two <three <thin"),
            ("<think>never closed", ""),
            ("a <em>b</em>", "a <em>b</em>"),
        ] {
            assert_eq!(whole(reply), spoken, "{reply:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(parts in prop::collection::vec(
            prop::sample::select(vec!["<", "think", ">", "</", "thinking", "ä", " ", "<think>", "</think>", "word"]), 0..20),
        ) {
            let text = parts.concat();
            let mut filter = ReasoningFilter::default();
            let mut out = String::new();
            for c in text.chars() {
                out.push_str(&filter.filter(c.encode_utf8(&mut [0; 4])).text);
            }
            out.push_str(&filter.finish());
            prop_assert_eq!(out, whole(&text));
        }
    }
}
