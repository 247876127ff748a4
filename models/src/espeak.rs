//! espeak-ng, the voice that is always there, and the source of phonemes for other voices.
//!
//! It is licensed under the GPL, so it runs as a program of its own, one process for each clause, and is never linked.
//! Text reaches it through its standard input alone: nothing that is said can become an option.

use std::path::PathBuf;
use std::time::Duration;

use pipit_core::audio::{Hertz, Pcm};

use crate::cancel::CancelFlag;
use crate::runtime::Runtime;
use crate::voice::{Engine, Opened, Voice, VoiceError, VoiceSettings, pace};

mod process;
mod wav;

/// The engine's line in the table of engines.
pub(crate) const ENGINE: Engine = Engine { name: "espeak", open, voices, usual };

/// What it is called, wherever it is installed.
pub(crate) const PROGRAM: &str = "espeak-ng";

/// The accent that the recogniser in the box knows best.
const DEFAULT_VOICE: &str = "en-us";

/// espeak-ng's own pace.
const WORDS_PER_MINUTE: f32 = 175.0;

/// The program `espeak-ng`, wherever it is installed.
#[derive(Clone, Debug)]
pub struct EspeakNg {
    program: PathBuf,
    time_limit: Duration,
}

impl Default for EspeakNg {
    /// The program on the search path. A clause takes about 10 ms, so that ten seconds mean that it hangs.
    fn default() -> Self {
        EspeakNg { program: PathBuf::from(PROGRAM), time_limit: Duration::from_secs(10) }
    }
}

impl EspeakNg {
    /// Another program, which must understand espeak-ng's options, and how long one call may take.
    #[must_use]
    pub fn at(program: impl Into<PathBuf>, time_limit: Duration) -> Self {
        EspeakNg { program: program.into(), time_limit }
    }

    /// The names that `-v` takes: languages first, then the rest, each once.
    ///
    /// # Errors
    /// [`VoiceError::NotInstalled`] without the program.
    pub fn voices(&self) -> Result<Vec<String>, VoiceError> {
        let table = self.table("--voices")?;
        let mut names: Vec<String> = table.iter().map(|row| row.language.clone()).collect();
        names.extend(table.into_iter().flat_map(|row| [row.file, row.name]));
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        Ok(names)
    }

    /// The phonemes of `text` in the International Phonetic Alphabet, words separated by spaces, without the marks that
    /// espeak-ng sets around words of another language. With `tie`, that character joins the letters of one phoneme.
    ///
    /// # Errors
    /// As for [`Voice::speak`].
    pub(crate) fn ipa(
        &self,
        voice: &str,
        text: &str,
        tie: Option<char>,
        cancel: &CancelFlag,
    ) -> Result<String, VoiceError> {
        let tie = tie.map(|tie| format!("--tie={tie}"));
        let mut arguments = vec!["-q", "--ipa"];
        arguments.extend(tie.as_deref());
        let printed = self.run(&arguments, voice, text, cancel)?;
        let printed = String::from_utf8_lossy(&printed);
        // It prints a line for each clause; the words are what counts here.
        let words: Vec<&str> = printed.split_whitespace().collect();
        Ok(without_language_switches(&words.join(" ")))
    }

    /// Fails with the nearest names if `voice` (such as `en-gb`, or `en-gb+f3` with a variant) is not installed.
    /// espeak-ng itself says nothing when it does not know a variant.
    pub(crate) fn check_voice(&self, voice: &str) -> Result<(), VoiceError> {
        let (base, variant) = voice.split_once('+').map_or((voice, None), |(base, variant)| (base, Some(variant)));
        let known = self.voices()?;
        if !known.is_empty() && !known.iter().any(|name| name.eq_ignore_ascii_case(base)) {
            return Err(VoiceError::unknown("espeak-ng voice", base, &known));
        }
        let Some(variant) = variant else { return Ok(()) };
        let variants: Vec<String> = self
            .table("--voices=variant")?
            .into_iter()
            .map(|row| row.file.rsplit('/').next().unwrap_or(&row.file).to_owned())
            .collect();
        if variants.iter().any(|name| name == variant) {
            Ok(())
        } else {
            Err(VoiceError::unknown("espeak-ng variant", variant, &variants))
        }
    }

    fn run(&self, options: &[&str], voice: &str, text: &str, cancel: &CancelFlag) -> Result<Vec<u8>, VoiceError> {
        // `-b 1` is UTF-8 whatever the locale; `--stdin` takes the text as a whole, not by lines of 1,000 bytes.
        let mut arguments = vec!["-b", "1", "--stdin", "-v", voice];
        arguments.extend(options);
        process::run(&self.program, &arguments, &one_line(text), self.time_limit, cancel)
    }

    fn table(&self, list: &str) -> Result<Vec<VoiceRow>, VoiceError> {
        let printed = process::run(&self.program, &[list], "", self.time_limit, &CancelFlag::new())?;
        Ok(String::from_utf8_lossy(&printed).lines().skip(1).filter_map(VoiceRow::read).collect())
    }
}

/// A line of `espeak-ng --voices`.
struct VoiceRow {
    language: String,
    name: String,
    file: String,
}

impl VoiceRow {
    /// The columns are priority, language, age and gender, name, file, other languages.
    fn read(line: &str) -> Option<VoiceRow> {
        let mut columns = line.split_whitespace().skip(1);
        let language = columns.next()?.to_owned();
        let name = columns.nth(1)?.to_owned();
        Some(VoiceRow { language, name, file: columns.next()?.to_owned() })
    }
}

/// What an [`Espeak`] voice speaks with.
#[derive(Clone, Debug)]
pub struct EspeakSettings {
    /// The program.
    pub program: EspeakNg,
    /// A name out of [`EspeakNg::voices`], with `+` and a variant if one is wanted.
    pub voice: String,
    /// The pace; 1.0 is 175 words a minute.
    pub speed: f32,
}

impl Default for EspeakSettings {
    fn default() -> Self {
        EspeakSettings { program: EspeakNg::default(), voice: DEFAULT_VOICE.to_owned(), speed: 1.0 }
    }
}

/// A voice of espeak-ng.
pub struct Espeak {
    program: EspeakNg,
    voice: String,
    words_per_minute: String,
    name: String,
}

impl Espeak {
    /// Makes the voice ready.
    ///
    /// # Errors
    /// [`VoiceError::NotInstalled`] without the program, [`VoiceError::Unknown`] without the voice.
    pub fn new(settings: EspeakSettings) -> Result<Self, VoiceError> {
        let EspeakSettings { program, voice, speed } = settings;
        program.check_voice(&voice)?;
        let words_per_minute = words_per_minute(speed);
        let name = format!("espeak-ng {voice}");
        Ok(Espeak { program, voice, words_per_minute, name })
    }
}

impl Voice for Espeak {
    fn name(&self) -> &str {
        &self.name
    }

    fn rate(&self) -> Hertz {
        wav::USUAL_RATE
    }

    fn speak(&mut self, spoken_text: &str, cancel: &CancelFlag) -> Result<Pcm, VoiceError> {
        let wav = self.program.run(&["--stdout", "-s", &self.words_per_minute], &self.voice, spoken_text, cancel)?;
        if wav.is_empty() {
            return Ok(Pcm::new([], wav::USUAL_RATE));
        }
        wav::sound(&wav)
            .ok_or_else(|| VoiceError::Failed("espeak-ng wrote something that is not 16-bit mono sound".to_owned()))
    }

    fn set_speed(&mut self, speed: f32) {
        self.words_per_minute = words_per_minute(pace(speed));
    }
}

fn words_per_minute(speed: f32) -> String {
    (WORDS_PER_MINUTE * speed).round().clamp(80.0, 450.0).to_string()
}

fn open(settings: &VoiceSettings, _: Option<&Runtime>) -> Opened {
    let voice = settings.voice.clone().unwrap_or_else(|| DEFAULT_VOICE.to_owned());
    Ok(Box::new(Espeak::new(EspeakSettings { voice, speed: settings.pace(), program: EspeakNg::default() })?))
}

fn usual(_: &VoiceSettings) -> Option<String> {
    Some(DEFAULT_VOICE.to_owned())
}

fn voices(_: &VoiceSettings) -> Result<Vec<String>, VoiceError> {
    EspeakNg::default().voices()
}

/// `text` in one line, without what espeak-ng would obey instead of speaking: control characters (0x01 begins a command)
/// and `[[`, which begins phoneme names.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        let character = if character.is_control() || character.is_whitespace() { ' ' } else { character };
        let doubled = (character == ' ' || character == '[') && line.ends_with(character);
        if !doubled {
            line.push(character);
        }
    }
    line
}

/// espeak-ng writes `(en)wiːkˈɛnd(fr)` for an English word in French.
fn without_language_switches(ipa: &str) -> String {
    let mut kept = String::with_capacity(ipa.len());
    let mut inside = false;
    for character in ipa.chars() {
        match character {
            '(' => inside = true,
            ')' => inside = false,
            _ if !inside => kept.push(character),
            _ => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_nothing_to_obey() {
        assert_eq!(one_line("a\0b\n\n c\u{1}5s [[h@l]] [[[x"), "a b c 5s [h@l]] [x");
    }

    #[test]
    fn language_switches_are_no_phonemes() {
        assert_eq!(without_language_switches("lə (en)wiːkˈɛnd(fr)"), "lə wiːkˈɛnd");
    }
}
