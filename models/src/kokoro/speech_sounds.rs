//! The phonemes of the language that a Kokoro voice speaks.

use crate::cancel::CancelFlag;
use crate::espeak::EspeakNg;
use crate::phonemes::clauses::clauses;
use crate::phonemes::english::English;
use crate::phonemes::kokoro_symbols::{Sounds, TIE, from_espeak};
use crate::voice::VoiceError;

/// Where a voice's phonemes come from.
pub(super) enum SpeechSounds {
    English(Box<English>),
    Espeak { program: EspeakNg, language: &'static str },
}

impl SpeechSounds {
    /// The first letter of a Kokoro voice is its language.
    pub(super) fn of_voice(voice: &str, espeak: EspeakNg) -> Result<Self, VoiceError> {
        let language = match voice.chars().next() {
            Some('a') => return Ok(SpeechSounds::English(Box::new(English::new(Sounds::American, espeak)))),
            Some('b') => return Ok(SpeechSounds::English(Box::new(English::new(Sounds::British, espeak)))),
            Some('e') => "es",
            Some('f') => "fr-fr",
            Some('h') => "hi",
            Some('i') => "it",
            Some('p') => "pt-br",
            _ => {
                let reason = "Pipit has no phonemes for its language (it has English, Spanish, French, Hindi, Italian and \
                              Brazilian Portuguese)";
                return Err(VoiceError::Failed(format!("kokoro {voice} cannot speak: {reason}")));
            }
        };
        espeak.check_voice(language)?;
        Ok(SpeechSounds::Espeak { program: espeak, language })
    }

    /// The symbols of `text`, with its punctuation.
    pub(super) fn symbols(&self, text: &str, cancel: &CancelFlag) -> Result<String, VoiceError> {
        let (program, language) = match self {
            SpeechSounds::English(english) => return english.symbols(text, cancel),
            SpeechSounds::Espeak { program, language } => (program, language),
        };
        let mut symbols = String::new();
        for clause in clauses(text) {
            let ipa = program.ipa(language, clause.text, Some(TIE), cancel)?;
            symbols.push_str(&from_espeak(&ipa, Sounds::Foreign));
            symbols.extend(clause.mark);
            symbols.push(' ');
        }
        Ok(symbols)
    }
}
