//! Pipit's own tools. Each is an intent that a model puts together instead of the catalogue, and is answered as that is.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use jiff::civil::{DateTime, Time};
use pipit_core::chat::{Risk, ToolSpec};
use pipit_core::intent::{
    AlarmDay, AlarmReference, AnnounceAt, ClockTime, DateQuestion, Days, Intent, RemindAt, ReminderReference,
    TimeOfDay, TimerReference,
};
use pipit_store::StoreError;
use serde_json::{Map, Value, json};

use super::{Circumstances, Done, Nature, Tool, optional_text, text_of};
use crate::engine::blocking;
use crate::offline::{self, Usual};

/// The longest name of a timer, in characters.
const LONGEST_NAME: usize = 40;

/// The intent that a model means by its arguments, or why it means none.
type IntentOf = fn(&Map<String, Value>) -> Result<Intent, String>;

struct BuiltIn {
    spec: ToolSpec,
    nature: Nature,
    intent_of: IntentOf,
}

/// All of them.
pub(crate) fn built_in() -> Vec<Arc<dyn Tool>> {
    let text = |what: &str| json!({"type": "string", "description": what});
    let number = |what: &str| json!({"type": "number", "minimum": 0, "description": what});
    let by = |what: &str| json!({"type": "number", "description": what});
    let at = json!({"time": text("The alarm's local time, such as 07:00; needless where there is one alarm")});
    let name = text("What the timer is for, such as pasta");
    vec![
        tool("get_time", "The local date and time.", Risk::Reads, json!({}), &[], |_| {
            Ok(Intent::GetDate(DateQuestion::DateAndTime))
        }),
        tool(
            "set_timer",
            "Starts a timer that rings aloud. Give its length in any of the units.",
            Risk::Changes,
            json!({"name": name, "hours": number("Hours"), "minutes": number("Minutes"), "seconds": number("Seconds")}),
            &[],
            |arguments| {
                let length = Some(length(arguments)?);
                Ok(Intent::StartTimer { name: timer_name(arguments)?, length })
            },
        ),
        tool("get_timers", "Which timers run, and how long they have left.", Risk::Reads, json!({}), &[], |_| {
            Ok(Intent::TimerStatus(TimerReference::Any))
        }),
        tool("cancel_timer", "Ends a timer.", Risk::Changes, json!({"name": name}), &[], |arguments| {
            Ok(Intent::CancelTimer(which_timer(arguments)?))
        }),
        tool(
            "change_timer",
            "Adds time to a timer, or takes some off. Give by how much in any of the units, negative for less.",
            Risk::Changes,
            json!({"name": name, "hours": by("Hours"), "minutes": by("Minutes"), "seconds": by("Seconds")}),
            &[],
            |arguments| Ok(Intent::ChangeTimer(which_timer(arguments)?, change(arguments)?)),
        ),
        tool("pause_timer", "Lets a timer stand still.", Risk::Changes, json!({"name": name}), &[], |arguments| {
            Ok(Intent::PauseTimer(which_timer(arguments)?))
        }),
        tool("resume_timer", "Lets a paused timer run on.", Risk::Changes, json!({"name": name}), &[], |arguments| {
            Ok(Intent::ResumeTimer(which_timer(arguments)?))
        }),
        tool(
            "set_alarm",
            "Sets an alarm that rings aloud by the clock on the wall, once or on days of every week.",
            Risk::Changes,
            json!({
                "time": text("Local time, such as 07:00"),
                "days": text("On which days it repeats, such as: weekdays, or mondays and fridays; without it, once"),
            }),
            &["time"],
            alarm,
        ),
        tool("get_alarms", "Which alarms are set.", Risk::Reads, json!({}), &[], |_| Ok(Intent::ListAlarms)),
        tool("cancel_alarm", "Takes an alarm back for good.", Risk::Changes, at.clone(), &[], |arguments| {
            Ok(Intent::CancelAlarm(which_alarm(arguments)?))
        }),
        tool("skip_alarm", "Lets an alarm not ring the next time.", Risk::Changes, at, &[], |arguments| {
            Ok(Intent::SkipAlarm(which_alarm(arguments)?))
        }),
        tool(
            "snooze_alarm",
            "Lets the alarm that rings ring again later.",
            Risk::Changes,
            json!({"minutes": number("Minutes from now")}),
            &[],
            |arguments| Ok(Intent::Snooze(minutes(arguments, "minutes")?)),
        ),
        tool(
            "set_volume",
            "Sets how loud you speak.",
            Risk::Changes,
            json!({"percent": {"type": "integer", "minimum": 0, "maximum": 100}}),
            &["percent"],
            |arguments| {
                let percent = arguments.get("percent").and_then(Value::as_f64).ok_or("percent must be a number")?;
                Ok(Intent::SetVolume(percent.round().clamp(0.0, 101.0) as u16))
            },
        ),
        keeps(
            "announce",
            "Says a text aloud here to everybody at home, at once or later. Give at or in_minutes for later, and neither for \
             at once.",
            json!({
                "text": text("What to say, as it is to be heard, such as: Dinner is ready."),
                "at": text("Local time, such as 18:00, or with its date, such as 2026-03-08T07:30"),
                "in_minutes": number("Minutes from now"),
            }),
            &["text"],
            |arguments| Ok(Intent::Announce { text: text_of(arguments, "text")?, at: when(arguments)? }),
        ),
        tool(
            "get_announcements",
            "Which announcements wait to be said, and when.",
            Risk::Reads,
            json!({}),
            &[],
            |_| Ok(Intent::ListAnnouncements),
        ),
        tool(
            "cancel_announcement",
            "Takes back what waits to be announced.",
            Risk::Changes,
            json!({"about": text("A word of it, such as: dinner")}),
            &["about"],
            |arguments| Ok(Intent::CancelAnnouncements { about: Some(text_of(arguments, "about")?) }),
        ),
        keeps(
            "remind",
            "Reminds the person of something later. Give at or in_minutes.",
            json!({
                "of": text("With to, about or that, such as: to call Anna"),
                "at": text("Local time, such as 18:00, or with its date, such as 2026-03-08T07:30"),
                "in_minutes": number("Minutes from now"),
            }),
            &["of"],
            remind,
        ),
        tool("get_reminders", "Of what the person is to be reminded, and when.", Risk::Reads, json!({}), &[], |_| {
            Ok(Intent::ListReminders)
        }),
        tool(
            "cancel_reminder",
            "Takes back a reminder.",
            Risk::Changes,
            json!({"about": text("A word of it, such as: Anna")}),
            &["about"],
            |arguments| Ok(Intent::CancelReminders(ReminderReference::About(text_of(arguments, "about")?))),
        ),
        keeps(
            "remember",
            "Remembers something for later conversations, because the person asked for it.",
            json!({"fact": text("In the person's own words, such as: I park on level two")}),
            &["fact"],
            |arguments| Ok(Intent::Remember { fact: text_of(arguments, "fact")? }),
        ),
        keeps(
            "forget",
            "Forgets what the person had you remember about something, because they asked for it.",
            json!({"about": text("A word of it, such as: park")}),
            &["about"],
            |arguments| Ok(Intent::ForgetFacts { about: Some(text_of(arguments, "about")?) }),
        ),
    ]
}

fn tool(
    name: &str,
    description: &str,
    risk: Risk,
    properties: Value,
    required: &[&str],
    intent_of: IntentOf,
) -> Arc<dyn Tool> {
    let parameters = json!({"type": "object", "properties": properties, "required": required});
    let spec = ToolSpec { name: name.to_owned(), description: description.to_owned(), parameters, risk };
    Arc::new(BuiltIn { spec, nature: Nature::Own, intent_of })
}

/// A tool that changes what is read or said in later turns.
fn keeps(name: &str, description: &str, properties: Value, required: &[&str], intent_of: IntentOf) -> Arc<dyn Tool> {
    let parameters = json!({"type": "object", "properties": properties, "required": required});
    let (name, description) = (name.to_owned(), description.to_owned());
    let spec = ToolSpec { name, description, parameters, risk: Risk::Changes };
    Arc::new(BuiltIn { spec, nature: Nature::Remembers, intent_of })
}

impl Tool for BuiltIn {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn nature(&self) -> Nature {
        self.nature
    }

    fn call(
        self: Arc<Self>,
        arguments: Map<String, Value>,
        at: Circumstances,
    ) -> BoxFuture<'static, Result<Done, String>> {
        let work = move || {
            let intent = (self.intent_of)(&arguments)?;
            let failed = |error: StoreError| error.to_string();
            let usual = Usual { volume: at.default_volume, snooze: at.snooze };
            let (result, actions) =
                offline::answer(&intent, &at.store, (&at.now, at.door), None, usual).map_err(failed)?;
            let device = offline::perform(actions, &at.store, &at.now).map_err(failed)?;
            Ok(Done { result, device })
        };
        async move { blocking(move || Ok(work())).await.map_err(|error| error.to_string())? }.boxed()
    }
}

/// What a new timer is for: no more than a name, since it is read again whenever somebody asks which timers there are, and so
/// could carry what others wrote into another turn.
fn timer_name(arguments: &Map<String, Value>) -> Result<Option<String>, String> {
    let name = optional_text(arguments, "name")?;
    let fits = |name: &String| name.split_whitespace().count() <= 4 && name.chars().count() <= LONGEST_NAME;
    if name.as_ref().is_none_or(fits) { Ok(name) } else { Err("name must be four words at most".to_owned()) }
}

/// A reminder, in the person's own words or a model's.
fn remind(arguments: &Map<String, Value>) -> Result<Intent, String> {
    let of = text_of(arguments, "of")?;
    let leads = ["to ", "about ", "that "].iter().any(|lead| of.starts_with(lead));
    let text = Some(if leads { of } else { format!("about {of}") });
    let at = match when(arguments)? {
        AnnounceAt::Once => return Err("give at or in_minutes".to_owned()),
        AnnounceAt::After(length) => RemindAt::After(length),
        AnnounceAt::Time(time) => RemindAt::Day(None, TimeOfDay::At(ClockTime { time, either_half: false })),
        AnnounceAt::On(on) => RemindAt::On(on),
    };
    Ok(Intent::Remind { text, at: Some(at) })
}

/// When something is to be announced.
fn when(arguments: &Map<String, Value>) -> Result<AnnounceAt, String> {
    match (optional_text(arguments, "at")?, minutes(arguments, "in_minutes")?) {
        (Some(_), Some(_)) => Err("give at or in_minutes, and not both".to_owned()),
        (None, Some(length)) => Ok(AnnounceAt::After(length)),
        (None, None) => Ok(AnnounceAt::Once),
        (Some(at), None) => {
            let time = at.parse::<Time>().map(AnnounceAt::Time);
            // A time alone is no date and time, and a date and time would pass for its time.
            let at = if at.contains('-') { at.parse::<DateTime>().map(AnnounceAt::On) } else { time };
            at.map_err(|_| "at must be a local time, such as 18:00 or 2026-03-08T07:30".to_owned())
        }
    }
}

/// A length in minutes that need not be there.
fn minutes(arguments: &Map<String, Value>, key: &str) -> Result<Option<Duration>, String> {
    match arguments.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let minutes = value.as_f64().filter(|minutes| *minutes >= 0.0);
            let minutes = minutes.ok_or_else(|| format!("{key} must be a number that is not negative"))?;
            Ok(Some(Duration::try_from_secs_f64((minutes * 60.0).round()).unwrap_or(Duration::MAX)))
        }
    }
}

fn alarm(arguments: &Map<String, Value>) -> Result<Intent, String> {
    let days = optional_text(arguments, "days")?;
    let on = match days
        .as_deref()
        .map(|days| Days::named(days).ok_or("days must be such as: weekdays, or mondays and fridays"))
    {
        Some(days) => AlarmDay::Every(days?),
        None => AlarmDay::Next,
    };
    let at = clock_time(arguments)?.ok_or("time must be a local time, such as 07:00")?;
    Ok(Intent::SetAlarm { at: Some(at), on, wakes: false })
}

fn which_alarm(arguments: &Map<String, Value>) -> Result<AlarmReference, String> {
    Ok(clock_time(arguments)?.map_or(AlarmReference::Any, AlarmReference::At))
}

fn clock_time(arguments: &Map<String, Value>) -> Result<Option<ClockTime>, String> {
    let Some(time) = optional_text(arguments, "time")? else { return Ok(None) };
    let time: Time = time.parse().map_err(|_| "time must be a local time, such as 07:00")?;
    Ok(Some(ClockTime { time, either_half: false }))
}

fn which_timer(arguments: &Map<String, Value>) -> Result<TimerReference, String> {
    Ok(optional_text(arguments, "name")?.map_or(TimerReference::Any, TimerReference::Named))
}

fn length(arguments: &Map<String, Value>) -> Result<Duration, String> {
    // What no timer can be is answered as in speech.
    Ok(Duration::try_from_secs_f64(seconds(arguments)?).unwrap_or(Duration::MAX))
}

fn change(arguments: &Map<String, Value>) -> Result<SignedDuration, String> {
    Ok(SignedDuration::try_from_secs_f64(seconds(arguments)?).unwrap_or(SignedDuration::MAX))
}

fn seconds(arguments: &Map<String, Value>) -> Result<f64, String> {
    let mut seconds = 0.0;
    for (key, unit) in [("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0)] {
        seconds += unit
            * match arguments.get(key) {
                None | Some(Value::Null) => 0.0,
                Some(value) => value.as_f64().ok_or_else(|| format!("{key} must be a number"))?,
            };
    }
    Ok(seconds.round())
}
