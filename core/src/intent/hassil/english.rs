//! Pipit's own sentences about a home, in English, for houses without a pack. What many sentences have in common is written
//! once in the file and made into sentences here: what may be asked of every kind of sensor.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::pack::{Block, List, Pack, Responses};

const SENTENCES: &str = include_str!("english.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    skip_words: Vec<String>,
    rules: BTreeMap<String, String>,
    lists: BTreeMap<String, List>,
    replies: BTreeMap<String, BTreeMap<String, String>>,
    sentences: Vec<Sentences>,
    groups: Vec<Group>,
    sensors: Vec<Sensor>,
    measures: Vec<Measure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentences {
    intent: String,
    response: Option<String>,
    #[serde(default)]
    slots: BTreeMap<String, Value>,
    #[serde(default)]
    requires: BTreeMap<String, Value>,
    of: Vec<String>,
}

/// Things of one domain, of which one asks how many are in a state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    domain: String,
    things: String,
    /// The list of their states.
    states: String,
}

/// Sensors that know two states.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sensor {
    class: String,
    things: String,
    on: String,
    off: String,
    /// How the name of one may go on.
    #[serde(default)]
    also: String,
    /// What is there when it is on: "smoke".
    presence: Option<String>,
    /// What there is with one that is on: "problems with".
    with: Option<String>,
    /// What a place is when it is on: "flooded".
    place: Option<String>,
}

/// Sensors that measure something.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measure {
    class: String,
    is: String,
    #[serde(default)]
    question: Vec<String>,
}

const ANY: &[&str] = &[
    "<are> <any> <things> {states:state} [<where>] [<now>]",
    "<are> <any> (<area>|<floor>) <things> [<now>] {states:state} [<now>]",
    "<are> <any> <things> <at> [<now>] {states:state} [<now>]",
    "<do_i_have> [<any>] <things> {states:state} [<where>]",
];
const ALL: &[&str] = &[
    "<are> <all> [<the>] <things> [<now>] {states:state} [<where>] [<now>]",
    "<are> <all> [<the>] (<area>|<floor>) <things> {states:state} [<now>]",
    "<are> <all> [<the>] <things> <at> {states:state} [<now>]",
    "are (<area>|<floor>) <things> [<now>] {states:state} [<now>]",
    "are <the> <things> [<now>] {states:state} [<where>] [<now>]",
    "are <the> <things> <at> {states:state} [<now>]",
];
const THE: &[&str] = &[
    "is (<area>|<floor>) <things> [<now>] {states:state} [<now>]",
    "is <the> <things> [<now>] {states:state} [<where>] [<now>]",
    "is <the> <things> <at> {states:state} [<now>]",
];
const WHICH: &[&str] = &[
    "<which> <things> (is|are) [<now>] {states:state} [<where>] [<now>]",
    "<which> (<area>|<floor>) <things> (is|are) [<now>] {states:state} [<now>]",
    "<which> <things> <at> (is|are) [<now>] {states:state} [<now>]",
];
const HOW_MANY: &[&str] = &[
    "<how_many> <things> (is|are) [<now>] {states:state} [<where>] [<now>]",
    "<how_many> (<area>|<floor>) <things> (is|are) [<now>] {states:state} [<now>]",
    "<how_many> <things> <at> (is|are) [<now>] {states:state} [<now>]",
    "<how_many> <things> (do (i|we) have|are there) {states:state} [<where>]",
];

impl Pack {
    /// Pipit's own sentences.
    #[must_use]
    pub fn english() -> Pack {
        let file: File =
            toml::from_str(SENTENCES).expect("the embedded sentences are the same in every run, and a test reads them");
        let mut pack = Pack {
            language: "en".to_owned(),
            lists: file.lists,
            expansion_rules: file.rules,
            skip_words: file.skip_words,
            responses: Responses { intents: file.replies, ..Responses::default() },
            ..Pack::default()
        };
        for Sentences { intent, response, slots, requires, of } in file.sentences {
            let block = Block { sentences: of, slots, response, requires_context: requires, ..Block::default() };
            pack.add_sentences(&intent, vec![block]);
        }
        let states: Vec<_> = file.groups.iter().map(|group| pack.lists.get(&group.states).cloned()).collect();
        for (group, states) in file.groups.into_iter().zip(states) {
            let about = About {
                slots: BTreeMap::from([("domain".to_owned(), json!(group.domain.clone()))]),
                rules: BTreeMap::from([("things".to_owned(), group.things)]),
                states: states.expect("a test compiles every group, and so every list that one names"),
            };
            // One door is asked about, of which there may be more.
            let the = if group.domain == "lock" { "all" } else { "any" };
            pack.add_sentences("HassGetState", about.several().into_iter().chain([about.block(the, THE)]).collect());
        }
        for sensor in file.sensors {
            pack.add_sentences("HassGetState", sensor.blocks());
        }
        for measure in file.measures {
            pack.add_sentences("HassGetState", vec![measure.block()]);
        }
        pack
    }
}

/// What a few sentences are about.
struct About {
    slots: BTreeMap<String, Value>,
    rules: BTreeMap<String, String>,
    states: List,
}

impl About {
    fn block(&self, response: &str, sentences: &[&str]) -> Block {
        Block {
            sentences: sentences.iter().map(|sentence| (*sentence).to_owned()).collect(),
            slots: self.slots.clone(),
            response: Some(response.to_owned()),
            expansion_rules: self.rules.clone(),
            lists: BTreeMap::from([("states".to_owned(), self.states.clone())]),
            ..Block::default()
        }
    }

    fn several(&self) -> [Block; 4] {
        [self.block("any", ANY), self.block("all", ALL), self.block("which", WHICH), self.block("how_many", HOW_MANY)]
    }
}

impl Sensor {
    fn blocks(self) -> Vec<Block> {
        let Sensor { class, things, on, off, also, presence, with, place } = self;
        let of_class = [("domain".to_owned(), json!("binary_sensor")), ("device_class".to_owned(), json!(class))];
        let states = json!({ "values": [{ "in": on, "out": "on" }, { "in": off, "out": "off" }] });
        let also = if also.is_empty() { "[sensor]".to_owned() } else { also };
        let about = About {
            slots: BTreeMap::from(of_class.clone()),
            rules: BTreeMap::from([("things".to_owned(), things), ("also".to_owned(), also)]),
            states: serde_json::from_value(states).expect("two values are a list"),
        };
        let mut one =
            about.block("one_yesno", &["[tell me if] <is> <name> <also> [<at>] [<now>] {states:state} [<at>] [<now>]"]);
        one.requires_context = BTreeMap::from(of_class.clone());
        let mut blocks = about.several().to_vec();
        blocks.extend([about.block("any", THE), one]);
        let with_on = |response: &str, sentences: Vec<String>| {
            let mut block = about.block(response, &[]);
            block.slots.insert("state".to_owned(), json!("on"));
            block.sentences = sentences;
            block
        };
        if let Some(presence) = presence {
            let any = format!("(is|are) there [<any>] {presence} [(detected|available)] [<where>] [<now>]");
            let which = format!("<which> {presence} (is|are) (detected|available|there) [<where>] [<now>]");
            blocks.push(with_on("any", vec![any, format!("<do_i_have> [<any>] {presence} [<where>] [<now>]")]));
            blocks.push(with_on("which", vec![which]));
        }
        if let Some(place) = place {
            blocks.push(with_on("any", vec![format!("is <area> [<now>] {place} [<now>]")]));
        }
        let mut named = with_on("one_yesno", Vec::new());
        named.requires_context = BTreeMap::from(of_class);
        named.sentences =
            with.map(|with| format!("(is|are) there [<any>] {with} <name> [<now>]")).into_iter().collect();
        blocks.push(named);
        blocks
    }
}

impl Measure {
    fn block(self) -> Block {
        let Measure { class, is, question } = self;
        let of_class = [("domain".to_owned(), json!("sensor")), ("device_class".to_owned(), json!(class))];
        let mut sentences: Vec<String> = [
            "<what_is> [current] <measure> (of|in|from|on|at|for|(indicated|measured|shown|reported) by) <name> [<at>] [<now>]",
            "<what_is> <name>['s] [current] <measure> [<at>] [<now>]",
            "<what_is> <area> <name>['s] [current] <measure> [<now>]",
        ]
        .map(str::to_owned)
        .into();
        sentences.extend(question.into_iter().map(|question| format!("{question} [<now>]")));
        Block {
            sentences,
            slots: BTreeMap::from(of_class.clone()),
            response: Some("one".to_owned()),
            requires_context: BTreeMap::from(of_class),
            expansion_rules: BTreeMap::from([("measure".to_owned(), is)]),
            ..Block::default()
        }
    }
}
