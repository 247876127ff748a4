//! Which devices somebody means: by name, by what they are, by where they are.

use super::entity::Entity;
use super::registry::Registry;
use super::{Device, DeviceKind};

/// How alike a name has to be to what was heard, from 0 to 1: one letter of seven may be wrong.
const ALIKE: f64 = 0.85;
/// How many names are told to whoever has to choose.
const TOLD: usize = 8;
/// The longest name that is looked for, in bytes.
const LONGEST: usize = 200;

/// Words that say nothing about which device it is.
const ARTICLES: [&str; 9] = ["the", "a", "an", "my", "our", "your", "please", "of", "this"];
/// Words that say that all of them are meant.
const ALL: [&str; 5] = ["all", "every", "each", "both", "everything"];

/// What kinds of devices are called: one of them, and several.
const KINDS: &[(DeviceKind, &[&str], &[&str])] = &[
    (DeviceKind::Light, &["light", "lighting"], &["lights"]),
    (DeviceKind::Fan, &["fan"], &["fans"]),
    (
        DeviceKind::Climate,
        &["heating", "heater", "thermostat", "radiator", "air conditioning", "air conditioner", "temperature"],
        &["heaters", "thermostats", "radiators", "air conditioners"],
    ),
    (DeviceKind::Vacuum, &["vacuum", "hoover", "robot", "mower"], &["vacuums", "hoovers", "robots", "mowers"]),
    (
        DeviceKind::Cover,
        &["blind", "curtain", "shutter", "shade", "awning"],
        &["blinds", "curtains", "shutters", "shades", "awnings"],
    ),
    (DeviceKind::Switch, &["switch", "plug", "socket", "outlet"], &["switches", "plugs", "sockets", "outlets"]),
    (DeviceKind::Scene, &["scene"], &["scenes"]),
    (DeviceKind::Door, &["door", "gate", "garage door"], &["doors", "gates", "garage doors"]),
    (DeviceKind::Lock, &["lock"], &["locks"]),
    (DeviceKind::Alarm, &["alarm", "siren"], &["alarms", "sirens"]),
    (DeviceKind::Valve, &["valve"], &["valves"]),
];

/// The words of a name as they are compared: in lower case, without signs.
pub(super) fn words(text: &str) -> Vec<String> {
    let apart = text.split(|c: char| !c.is_alphanumeric() && c != '\'');
    apart.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// What was asked for.
struct Asked {
    /// Without articles.
    words: Vec<String>,
    place: Option<Vec<String>>,
    is_all: bool,
}

impl Asked {
    /// `is_place` tells whether something is in a place of that name.
    fn read(what: &str, place: Option<&str>, is_place: impl Fn(&[String]) -> bool) -> Asked {
        let mut words = words(what);
        let is_all = words.iter().any(|word| ALL.contains(&&**word));
        words.retain(|word| !ARTICLES.contains(&&**word) && !ALL.contains(&&**word));
        let mut place = place.map(without_articles).filter(|words| !words.is_empty());
        // "the lights in the kitchen", but not: "the plug in heater"
        let parted = words.iter().rposition(|word| word == "in" || word == "on").filter(|at| *at > 0);
        if let (None, Some(at)) = (&place, parted.filter(|at| is_place(&words[at + 1..]))) {
            place = Some(words.split_off(at + 1));
            words.truncate(at);
        }
        Asked { words, place, is_all }
    }
}

/// What an entity is called and where it is, in words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Called {
    /// Without articles.
    names: Vec<Vec<String>>,
    place: Vec<String>,
}

impl Called {
    pub(super) fn new(names: &[String], place: Option<&str>) -> Called {
        let names = names.iter().map(|name| without_articles(name)).collect();
        Called { names, place: place.map(words).unwrap_or_default() }
    }
}

fn without_articles(text: &str) -> Vec<String> {
    let mut words = words(text);
    words.retain(|word| !ARTICLES.contains(&&**word));
    words
}

/// An entity as it is looked for.
struct Candidate<'a> {
    entity: &'a Entity,
    names: &'a [Vec<String>],
    place: &'a [String],
}

impl Registry {
    /// The devices that can be commanded and that somebody means who calls them `what`, in `place` if they said where.
    ///
    /// # Errors
    /// Nothing is meant, or it is not clear what: a sentence, with the names that may have been meant.
    pub fn find(&self, what: &str, place: Option<&str>) -> Result<Vec<Device>, String> {
        self.find_among(what, place, &|entity| entity.definition.is_commanded())
    }

    /// The same, of all that tells something: sensors too.
    ///
    /// # Errors
    /// As with [`Registry::find`].
    pub fn find_to_ask(&self, what: &str, place: Option<&str>) -> Result<Vec<Device>, String> {
        self.find_among(what, place, &|_| true)
    }

    fn find_among(
        &self,
        what: &str,
        place: Option<&str>,
        wanted: &dyn Fn(&Entity) -> bool,
    ) -> Result<Vec<Device>, String> {
        let called = called(what, place);
        if what.len() > LONGEST || place.is_some_and(|place| place.len() > LONGEST) {
            return Err("That is too long to be the name of a device.".to_owned());
        }
        let mut candidates: Vec<Candidate<'_>> =
            self.entities().filter(|entity| wanted(entity)).map(Candidate::new).collect();
        let asked = Asked::read(what, place, |place| candidates.iter().any(|one| is_at(one, place)));
        if let Some(place) = &asked.place {
            let there = candidates.iter().any(|one| is_at(one, place));
            if !there {
                return Err(format!(
                    "No device is known in that place; nothing is called {called}.{}",
                    near(self, &candidates, &asked)
                ));
            }
            candidates.retain(|one| is_at(one, place));
        }
        let found = matching(&candidates, &asked);
        let devices = |found: &[&Candidate<'_>]| found.iter().map(|one| self.device(one.entity)).collect::<Vec<_>>();
        match found {
            Found::All(found) => Ok(devices(&found)),
            Found::One(found) => match found.as_slice() {
                [one] => Ok(vec![self.device(one.entity)]),
                [] => Err(format!("Nothing is called {called}.{}", near(self, &candidates, &asked))),
                several => Err(unclear(&called, &devices(several))),
            },
        }
    }
}

impl<'a> Candidate<'a> {
    fn new(entity: &'a Entity) -> Candidate<'a> {
        let Called { names, place } = &entity.definition.called;
        Candidate { entity, names, place }
    }

    /// Whether `asked` is one of its names, with its place before or behind it, or without.
    fn is_called(&self, asked: &[String]) -> bool {
        let bare = [without_prefix(asked, self.place), without_suffix(asked, self.place)];
        let is = |asked: &[String]| self.names.iter().any(|name| name == asked);
        is(asked) || bare.into_iter().flatten().any(is)
    }

    fn is_minor(&self) -> bool {
        self.entity.definition.is_minor
    }
}

fn without_prefix<'w>(words: &'w [String], of: &[String]) -> Option<&'w [String]> {
    words.strip_prefix(of).filter(|rest| !rest.is_empty() && !of.is_empty())
}

fn without_suffix<'w>(words: &'w [String], of: &[String]) -> Option<&'w [String]> {
    words.strip_suffix(of).filter(|rest| !rest.is_empty() && !of.is_empty())
}

/// In a room that is called so; what has no room may have it in its name.
fn is_at(candidate: &Candidate<'_>, place: &[String]) -> bool {
    let named = || candidate.names.iter().any(|name| name.len() > place.len() && name.starts_with(place));
    candidate.place == place || (candidate.place.is_empty() && named())
}

enum Found<'c, 'a> {
    /// One is meant; these may be it.
    One(Vec<&'c Candidate<'a>>),
    /// All of these are meant.
    All(Vec<&'c Candidate<'a>>),
}

/// Tries what is said from the narrowest reading to the widest; the first that fits anything is taken.
fn matching<'c, 'a>(candidates: &'c [Candidate<'a>], asked: &Asked) -> Found<'c, 'a> {
    let those = |is: &dyn Fn(&Candidate<'a>) -> bool| candidates.iter().filter(|one| is(one)).collect::<Vec<_>>();
    let by_name = those(&|one| one.is_called(&asked.words));
    if !by_name.is_empty() {
        return if asked.is_all { Found::All(by_name) } else { Found::One(major(by_name)) };
    }
    if let Some((found, is_all)) = of_kind(candidates, asked) {
        return if is_all { Found::All(found) } else { Found::One(found) };
    }
    if let Some(one) = singular(&asked.words) {
        let ends = |name: &Vec<String>| name.ends_with(&one) || name.ends_with(&asked.words);
        let several = those(&|candidate| {
            let of_place = |one: &[String]| candidate.names.iter().any(|name| name.ends_with(one));
            let bare = without_prefix(&one, candidate.place);
            !candidate.is_minor() && (candidate.names.iter().any(ends) || bare.is_some_and(of_place))
        });
        if !several.is_empty() {
            return Found::All(several);
        }
    }
    let has_all = |name: &Vec<String>, place: &[String]| {
        !asked.words.is_empty()
            && asked.words.iter().all(|word| name.contains(word) || place.contains(word))
            && asked.words.iter().any(|word| name.contains(word))
    };
    let partly = those(&|one| one.names.iter().any(|name| has_all(name, one.place)));
    if !partly.is_empty() {
        return if asked.is_all { Found::All(partly) } else { Found::One(major(partly)) };
    }
    Found::One(alike(candidates, asked))
}

/// Those that are no mere settings, if there are any.
fn major<'c, 'a>(found: Vec<&'c Candidate<'a>>) -> Vec<&'c Candidate<'a>> {
    let major: Vec<&Candidate<'a>> = found.iter().copied().filter(|one| !one.is_minor()).collect();
    if major.is_empty() { found } else { major }
}

/// What is asked for by kind, in a room that may stand before it: "kitchen lights"; and whether all of them are meant.
fn of_kind<'c, 'a>(candidates: &'c [Candidate<'a>], asked: &Asked) -> Option<(Vec<&'c Candidate<'a>>, bool)> {
    let named = |names: &[&str]| {
        let name = names.iter().map(|name| words(name)).find(|name| asked.words.ends_with(name))?;
        Some(asked.words[..asked.words.len() - name.len()].to_vec())
    };
    for (kind, one, several) in KINDS {
        let (room, is_all) = match (named(several), named(one)) {
            (Some(room), _) => (room, true),
            (None, Some(room)) => (room, asked.is_all),
            (None, None) => continue,
        };
        let is = |candidate: &&Candidate<'a>| {
            let there = room.is_empty() || is_at(candidate, &room);
            candidate.entity.device().kind == *kind && !candidate.is_minor() && there
        };
        let found: Vec<&Candidate<'a>> = candidates.iter().filter(is).collect();
        if !found.is_empty() {
            return Some((found, is_all));
        }
    }
    None
}

/// The same words with one of the last; nothing where they are not several.
fn singular(words: &[String]) -> Option<Vec<String>> {
    let (last, others) = words.split_last()?;
    let one = last.strip_suffix('s').filter(|one| one.len() > 2 && !one.ends_with('s'))?;
    Some(others.iter().cloned().chain([one.to_owned()]).collect())
}

/// How alike the likest of a candidate's names is, by this measure.
fn alikeness(candidate: &Candidate<'_>, asked: &str, measure: impl Fn(&str, &str) -> f64) -> f64 {
    let place = candidate.place.join(" ");
    let of = |name: &Vec<String>| {
        let name = name.join(" ");
        measure(&name, asked).max(measure(&format!("{place} {name}"), asked))
    };
    candidate.names.iter().map(of).fold(0.0, f64::max)
}

/// How alike two names are where letters may be swapped. That is slow, so it is 0 for those whose lengths tell them apart.
fn nearly(name: &str, asked: &str) -> f64 {
    let (one, other) = (name.chars().count(), asked.chars().count());
    if one.abs_diff(other) as f64 > (1.0 - ALIKE) * one.max(other) as f64 {
        return 0.0;
    }
    strsim::normalized_damerau_levenshtein(name, asked)
}

/// Those whose names were nearly said.
fn alike<'c, 'a>(candidates: &'c [Candidate<'a>], asked: &Asked) -> Vec<&'c Candidate<'a>> {
    if asked.words.is_empty() {
        return Vec::new();
    }
    let words = asked.words.join(" ");
    candidates.iter().filter(|one| alikeness(one, &words, nearly) >= ALIKE).collect()
}

fn called(what: &str, place: Option<&str>) -> String {
    let shown = |text: &str| text.chars().filter(|c| !c.is_control()).take(60).collect::<String>();
    place.map_or_else(|| shown(what), |place| format!("{} in {}", shown(what), shown(place)))
}

fn unclear(called: &str, devices: &[Device]) -> String {
    let mut named: Vec<String> = devices.iter().map(Device::to_string).collect();
    named.sort();
    let is_alike = named.windows(2).any(|two| two[0] == two[1]);
    let more = named.len().saturating_sub(TOLD);
    named.truncate(TOLD);
    if more > 0 {
        named.push(format!("{more} more"));
    }
    let advice = if is_alike { " Some have one name and one place: give one of them another name." } else { "" };
    format!("Several devices may be meant by {called}: {}. Ask which of them.{advice}", named.join(", "))
}

/// What is called most like it.
fn near(registry: &Registry, candidates: &[Candidate<'_>], asked: &Asked) -> String {
    let words = asked.words.join(" ");
    let mut near: Vec<(f64, &Candidate<'_>)> = candidates
        .iter()
        .filter(|one| !one.is_minor())
        .map(|one| (alikeness(one, &words, strsim::normalized_levenshtein), one))
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    let names: Vec<String> = near.iter().take(TOLD).map(|(_, one)| registry.device(one.entity).to_string()).collect();
    if names.is_empty() { " No device is known.".to_owned() } else { format!(" There are: {}.", names.join(", ")) }
}
