//! A transcript of which nobody knows yet whom it was meant for.

use std::fmt;

/// What a recogniser made of speech that may not have been meant for Pipit.
///
/// It can be made, moved and dropped, and nothing else: it has no `Display`, its `Debug` shows nothing, no conversion
/// gives the text, and within the crate only [`super::Attention::judge`] asks for it. So what was said before a wake
/// cannot reach a log, a file or a server by mistake.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Overheard(String);

impl Overheard {
    /// Seals a transcript. Do it where the recogniser hands it over.
    #[must_use]
    pub fn new(transcript: String) -> Overheard {
        Overheard(transcript)
    }

    /// One transcript of several parts, in their order.
    pub(in crate::turn) fn joined<'a>(parts: impl Iterator<Item = &'a Overheard>) -> Overheard {
        let words = parts.map(|part| part.0.as_str()).filter(|words| !words.is_empty());
        Overheard(words.collect::<Vec<_>>().join(" "))
    }

    pub(super) fn disclose(self) -> String {
        self.0
    }
}

impl fmt::Debug for Overheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Overheard")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles only while `Overheard` has none of the traits: with one of them, the call would be ambiguous.
    macro_rules! assert_has_not {
        ($($wanted:path),*) => {$({
            trait AmbiguousIf<Which> {
                fn check() {}
            }
            impl<T> AmbiguousIf<()> for T {}
            impl<T: $wanted> AmbiguousIf<bool> for T {}
            let _: fn() = <Overheard as AmbiguousIf<_>>::check;
        })*};
    }

    #[test]
    fn what_was_overheard_can_be_neither_shown_nor_read() {
        assert_has_not!(fmt::Display, Into<String>, AsRef<str>, AsRef<String>, std::ops::Deref, serde::Serialize);
        let shown = format!("{:?} {:#?}", Overheard::new("a secret".into()), Some(Overheard::new("a secret".into())));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
