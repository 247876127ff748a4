//! The catalogue of sentences: its file format, how it is compiled, and how a matched sentence becomes an intent.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

use super::day::{self, Day};
use super::normalise::{Fillers, normalise};
use super::sentence::{Sentence, Slots, Vocabulary};
use super::slot::Value;
use super::{
    AlarmDay, AlarmReference, ClockTime, DateQuestion, Intent, Quantity, TimerReference, announcement, memory, reminder,
};

const ENGLISH: &str = include_str!("english.toml");

/// The sentences of one language, compiled.
#[derive(Debug)]
pub struct Catalogue {
    fillers: Fillers,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    meaning: Meaning,
    constants: BTreeMap<String, Constant>,
    sentences: Vec<Sentence>,
}

impl Catalogue {
    /// The built-in English sentences. Compile it once and keep it.
    #[must_use]
    pub fn english() -> Catalogue {
        Catalogue::parse(ENGLISH).expect("the embedded catalogue is the same in every run, and a test compiles it")
    }

    /// What `utterance` as a whole asks for, or `None` if that is not certain. The first sentence that matches wins.
    #[must_use]
    pub fn recognise(&self, utterance: &str) -> Option<Intent> {
        let text = normalise(utterance)?;
        let bare = self.fillers.strip(&text);
        // As it was said first: "hello" and "thank you" are fillers in front of a request, but requests on their own.
        let intent = self
            .recognise_normalised(&text)
            .or_else(|| reminder::recognise(utterance))
            .or_else(|| memory::recognise(utterance))
            .or_else(|| announcement::recognise(utterance));
        if bare == text { intent } else { intent.or_else(|| self.recognise_normalised(bare)) }
    }

    fn recognise_normalised(&self, text: &str) -> Option<Intent> {
        self.groups.iter().find_map(|group| {
            let mut matches = group.sentences.iter().filter_map(|sentence| sentence.matches(text));
            matches.find_map(|slots| group.meaning.intent(&Filled { slots: &slots, constants: &group.constants }))
        })
    }

    /// Compiles the catalogue that `toml` holds; says which sentence is wrong, and how.
    fn parse(toml: &str) -> Result<Catalogue, String> {
        let file: File = toml::from_str(toml).map_err(|error| error.to_string())?;
        let vocabulary = Vocabulary { rules: file.rules, lists: file.lists };
        let compile = |group: FileGroup| {
            let sentences = group.sentences.iter().map(|template| Sentence::compile(template, &vocabulary));
            let sentences = sentences.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
            Ok(Group { meaning: group.intent, constants: group.slots, sentences })
        };
        let groups = file.intents.into_iter().map(compile).collect::<Result<_, String>>()?;
        let fillers = Fillers { before: file.fillers.before, after: file.fillers.after };
        Ok(Catalogue { fillers, groups })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fillers: FileFillers,
    rules: BTreeMap<String, String>,
    lists: BTreeMap<String, BTreeMap<String, f64>>,
    intents: Vec<FileGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileFillers {
    before: Vec<String>,
    after: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileGroup {
    intent: Meaning,
    /// Slots that have the same value in every sentence of the group.
    #[serde(default)]
    slots: BTreeMap<String, Constant>,
    sentences: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Constant {
    Number(f64),
    Word(String),
}

/// What the sentences of a group mean, by the names that [`Intent::name`] gives.
#[derive(Clone, Copy, Debug, Deserialize)]
enum Meaning {
    HassGetCurrentTime,
    HassGetCurrentDate,
    HassStartTimer,
    HassCancelTimer,
    HassCancelAllTimers,
    HassIncreaseTimer,
    HassDecreaseTimer,
    HassPauseTimer,
    HassUnpauseTimer,
    HassTimerStatus,
    SetAlarm,
    CancelAlarm,
    ListAlarms,
    SkipAlarm,
    Snooze,
    PickTimer,
    HassSetVolume,
    HassSetVolumeRelative,
    HassMediaPlayerMute,
    HassMediaPlayerUnmute,
    GetVolume,
    Stop,
    HassNevermind,
    Repeat,
    ListAnnouncements,
    CancelAnnouncements,
    ListReminders,
    Help,
    Greet,
    Thank,
    Farewell,
    HowAreYou,
    Calculate,
    ConvertUnits,
}

impl Meaning {
    /// The intent with the slots of a matched sentence; `None` if a slot's value makes no sense there.
    fn intent(self, filled: &Filled<'_>) -> Option<Intent> {
        Some(match self {
            Meaning::HassGetCurrentTime => Intent::GetTime,
            Meaning::HassGetCurrentDate => Intent::GetDate(filled.date_question()?),
            Meaning::HassStartTimer => Intent::StartTimer { name: filled.name(), length: filled.duration("length") },
            Meaning::HassCancelTimer => Intent::CancelTimer(filled.timer()),
            Meaning::HassCancelAllTimers => Intent::CancelAllTimers,
            Meaning::HassIncreaseTimer => Intent::ChangeTimer(filled.timer(), filled.change()?),
            Meaning::HassDecreaseTimer => Intent::ChangeTimer(filled.timer(), -filled.change()?),
            Meaning::HassPauseTimer => Intent::PauseTimer(filled.timer()),
            Meaning::HassUnpauseTimer => Intent::ResumeTimer(filled.timer()),
            Meaning::HassTimerStatus => Intent::TimerStatus(filled.timer()),
            Meaning::PickTimer => Intent::PickTimer(filled.timer()),
            Meaning::SetAlarm => Intent::SetAlarm {
                at: filled.time(),
                on: filled.alarm_day(),
                wakes: filled.number("wakes") == Some(1.0),
            },
            Meaning::CancelAlarm => Intent::CancelAlarm(filled.alarm()),
            Meaning::ListAlarms => Intent::ListAlarms,
            Meaning::SkipAlarm => Intent::SkipAlarm(filled.alarm()),
            Meaning::Snooze => Intent::Snooze(filled.length_by()),
            Meaning::HassSetVolume => Intent::SetVolume(filled.percent()?),
            Meaning::HassSetVolumeRelative => Intent::ChangeVolume(filled.volume_change()?),
            Meaning::HassMediaPlayerMute => Intent::Mute,
            Meaning::HassMediaPlayerUnmute => Intent::Unmute,
            Meaning::GetVolume => Intent::GetVolume,
            Meaning::Stop => Intent::Stop,
            Meaning::HassNevermind => Intent::Nevermind,
            Meaning::Repeat => Intent::Repeat,
            Meaning::ListAnnouncements => Intent::ListAnnouncements,
            Meaning::ListReminders => Intent::ListReminders,
            Meaning::CancelAnnouncements => Intent::CancelAnnouncements { about: None },
            Meaning::Help => Intent::Help,
            Meaning::Greet => Intent::Greet,
            Meaning::Thank => Intent::Thank,
            Meaning::Farewell => Intent::Farewell { night: filled.number("night") == Some(1.0) },
            Meaning::HowAreYou => Intent::HowAreYou,
            Meaning::Calculate => match filled.slot("arithmetic")? {
                Value::Arithmetic(arithmetic) => Intent::Calculate(arithmetic.clone()),
                _ => return None,
            },
            Meaning::ConvertUnits => filled.conversion()?,
        })
    }
}

/// The default step of "louder" and "quieter", in percent.
const VOLUME_STEP: f64 = 10.0;

/// The slots of one match, read by their names.
struct Filled<'a> {
    slots: &'a Slots,
    constants: &'a BTreeMap<String, Constant>,
}

impl Filled<'_> {
    fn slot(&self, name: &str) -> Option<&Value> {
        self.slots.iter().find(|(slot, _)| slot == name).map(|(_, value)| value)
    }

    fn number(&self, name: &str) -> Option<f64> {
        match (self.slot(name), self.constants.get(name)) {
            (Some(Value::Number(number)), _) | (None, Some(Constant::Number(number))) => Some(*number),
            _ => None,
        }
    }

    fn duration(&self, name: &str) -> Option<Duration> {
        match self.slot(name) {
            Some(Value::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    fn name(&self) -> Option<String> {
        match self.slot("name") {
            Some(Value::Name(name)) => Some(name.clone()),
            _ => None,
        }
    }

    fn timer(&self) -> TimerReference {
        match (self.duration("lasting"), self.name()) {
            (Some(length), _) => TimerReference::Lasting(length),
            (None, Some(name)) => TimerReference::Named(name),
            (None, None) if self.number("all") == Some(1.0) => TimerReference::All,
            (None, None) => TimerReference::Any,
        }
    }

    /// By how much a timer changes.
    fn change(&self) -> Option<SignedDuration> {
        Some(SignedDuration::try_from(self.length_by()?).unwrap_or(SignedDuration::MAX))
    }

    fn length_by(&self) -> Option<Duration> {
        match (self.duration("by"), self.number("count"), self.number("seconds")) {
            (Some(by), ..) => Some(by),
            // "Five more minutes".
            (None, Some(count), Some(seconds)) => Duration::try_from_secs_f64(count * seconds).ok(),
            _ => None,
        }
    }

    fn time(&self) -> Option<ClockTime> {
        match self.slot("time") {
            Some(Value::Time(time)) => Some(*time),
            _ => None,
        }
    }

    fn alarm_day(&self) -> AlarmDay {
        match (self.slot("days"), self.slot("day")) {
            (Some(Value::Days(days)), _) => AlarmDay::Every(*days),
            (_, Some(Value::Day(day))) => AlarmDay::On(*day),
            _ => AlarmDay::Next,
        }
    }

    fn alarm(&self) -> AlarmReference {
        match (self.time(), self.alarm_day()) {
            (Some(time), _) => AlarmReference::At(time),
            (None, AlarmDay::On(day)) => AlarmReference::On(day),
            (None, _) if self.number("all") == Some(1.0) => AlarmReference::All,
            (None, _) => AlarmReference::Any,
        }
    }

    fn percent(&self) -> Option<u16> {
        let percent = self.number("percent")?;
        // Nobody means thousands of percent by a number, but it must not wrap round to a quiet volume.
        (percent.fract() == 0.0 && percent >= 0.0).then_some(percent.min(1000.0) as u16)
    }

    fn volume_change(&self) -> Option<i8> {
        let step = self.number("step").unwrap_or(VOLUME_STEP);
        (step.fract() == 0.0 && step >= 0.0).then_some((step.min(100.0) * self.number("direction")?) as i8)
    }

    fn date_question(&self) -> Option<DateQuestion> {
        let day = match self.slot("day") {
            Some(Value::Day(day)) => Some(*day),
            _ => None,
        };
        let Some(Constant::Word(question)) = self.constants.get("question") else { return None };
        Some(match question.as_str() {
            "date" => DateQuestion::Date(day.unwrap_or(Day::After(0))),
            "until" => DateQuestion::DaysUntil(day?),
            "weekday" => DateQuestion::IsToday(day::weekday_numbered(self.number("weekday")?)?),
            "date_and_time" => DateQuestion::DateAndTime,
            "month" => DateQuestion::Month,
            "year" => DateQuestion::Year,
            _ => return None,
        })
    }

    fn conversion(&self) -> Option<Intent> {
        let Some(Value::Unit(into)) = self.slot("into") else { return None };
        let quantity = match (self.slot("quantity"), self.slot("from"), self.number("degrees")) {
            (Some(Value::Quantity(quantity)), ..) => quantity.clone(),
            (None, Some(Value::Unit(from)), _) => Quantity::of(1.0, *from),
            // "20 degrees in Fahrenheit" are Celsius.
            (None, None, Some(degrees)) => Quantity::of(degrees, into.other_scale()?),
            _ => return None,
        };
        // Ounces are a weight, but fluid ounces beside cups.
        let into = into.beside(quantity.unit());
        Some(Intent::ConvertUnits { quantity: quantity.beside(into), into })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalogue_compiles() {
        Catalogue::parse(ENGLISH).unwrap();
    }

    #[test]
    fn a_broken_catalogue_names_the_sentence() {
        let toml = "rules = {}\nlists = {}\nfillers = { before = [], after = [] }\n[[intents]]\nintent = \"Stop\"\nsentences = [\"stop <it>\"]";
        assert_eq!(
            Catalogue::parse(toml).unwrap_err(),
            "sentence template \"stop <it>\": there is no rule <it>; define it under [rules]"
        );
    }
}
