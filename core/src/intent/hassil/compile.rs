//! A pack as an automaton: each rule once, each word once, and what a sentence needs at least to be looked at.

use std::collections::{BTreeMap, HashMap};

use aho_corasick::{AhoCorasick, MatchKind};

use super::lists::{List, Numbers, Values};
use super::pack::{self, Block, Pack};
use super::template::{self, ListName, Template};
use super::{PackError, text};
use serde_json::Value;

/// How deep rules may stand in rules.
const DEEPEST: usize = 24;

/// The most parts that one sentence may be made of, rules included. Home Assistant's own need 300.
const MOST_PARTS: usize = 20_000;

/// The most parts of a permutation: each order is tried.
const MOST_IN_ANY_ORDER: usize = 6;

pub(super) type NodeId = u32;

#[derive(Debug)]
pub(super) enum Node {
    Word(Box<str>),
    Space,
    Sequence(Box<[NodeId]>),
    Alternatives(Box<[NodeId]>),
    Permutation(Box<[NodeId]>),
    List {
        list: u32,
        slot: u32,
        is_capture: bool,
        ends_word: bool,
    },
    /// A rule with no list in it: what it matches where is the same for every sentence.
    Plain {
        rule: u32,
        body: NodeId,
    },
}

#[derive(Debug)]
pub(super) struct Sentence {
    pub(super) root: NodeId,
    pub(super) intent: u32,
    pub(super) block: u32,
    /// Of each of these sets, one fragment has to be in what was said.
    pub(super) needs: Vec<Vec<u32>>,
    pub(super) begins_with_wildcard: bool,
    pub(super) ends_with_wildcard: bool,
}

/// What the sentences of a block have in common.
#[derive(Debug)]
pub(super) struct Meaning {
    pub(super) slots: BTreeMap<String, Value>,
    pub(super) response: Option<String>,
    pub(super) requires: BTreeMap<String, Value>,
    pub(super) excludes: BTreeMap<String, Value>,
}

#[derive(Debug, Default)]
pub(super) struct Automaton {
    pub(super) nodes: Vec<Node>,
    pub(super) sentences: Vec<Sentence>,
    pub(super) intents: Vec<String>,
    pub(super) meanings: Vec<Meaning>,
    pub(super) lists: Vec<List>,
    pub(super) list_names: HashMap<String, u32>,
    pub(super) slots: Vec<String>,
    pub(super) plain_rules: u32,
    pub(super) fragments: Option<AhoCorasick>,
    pub(super) fragment_count: usize,
    pub(super) skip_words: Vec<String>,
}

/// # Errors
/// A sentence, a rule or a list can't be read; it is named.
pub(super) fn compile(pack: &Pack) -> Result<Automaton, PackError> {
    let mut compiler = Compiler { pack, ..Compiler::new(pack) };
    for (name, list) in &pack.lists {
        let number = compiler.add_list(list).map_err(|what| PackError::new("list", name, what))?;
        compiler.automaton.list_names.insert(name.clone(), number);
    }
    for (intent, data) in &pack.intents {
        let number = compiler.automaton.intents.len() as u32;
        compiler.automaton.intents.push(intent.clone());
        for block in &data.data {
            compiler.block(number, block)?;
        }
    }
    let mut skip_words: Vec<_> = pack.skip_words.iter().map(|words| text::normalised(words)).collect();
    skip_words.sort_by_key(|words| std::cmp::Reverse(words.len()));
    compiler.automaton.skip_words = skip_words;
    compiler.finish()
}

struct Compiler<'a> {
    pack: &'a Pack,
    automaton: Automaton,
    /// Rules that were compiled outside of any block.
    rules: HashMap<String, Rule>,
    templates: HashMap<String, Template>,
    words: HashMap<Box<str>, NodeId>,
    slots: HashMap<Box<str>, u32>,
    fragments: HashMap<Box<str>, u32>,
}

#[derive(Clone)]
struct Rule {
    node: NodeId,
    parts: usize,
    is_plain: bool,
    needs: Needs,
}

/// Sets of fragments, of each of which one has to be there.
type Needs = Vec<Vec<u32>>;

/// Part of a sentence, compiled.
struct Part {
    node: NodeId,
    parts: usize,
    /// Whether no list is in it.
    is_plain: bool,
    needs: Needs,
}

/// Where a template stands: rules and lists of the block come before those of the pack.
struct Place<'b> {
    block: Option<&'b Block>,
    rules: HashMap<String, Rule>,
    lists: HashMap<String, u32>,
    /// Rules that are being compiled.
    open: Vec<String>,
}

impl<'a> Compiler<'a> {
    fn new(pack: &'a Pack) -> Compiler<'a> {
        Compiler {
            pack,
            automaton: Automaton::default(),
            rules: HashMap::new(),
            templates: HashMap::new(),
            words: HashMap::new(),
            slots: HashMap::new(),
            fragments: HashMap::new(),
        }
    }

    fn add_list(&mut self, list: &pack::List) -> Result<u32, String> {
        self.automaton.lists.push(List::new(list)?);
        Ok(self.automaton.lists.len() as u32 - 1)
    }

    fn block(&mut self, intent: u32, block: &Block) -> Result<(), PackError> {
        let name = &self.automaton.intents[intent as usize].clone();
        let is_local = !block.expansion_rules.is_empty() || !block.lists.is_empty();
        let mut place =
            Place { block: is_local.then_some(block), rules: HashMap::new(), lists: HashMap::new(), open: Vec::new() };
        for (list, values) in &block.lists {
            let number = self.add_list(values).map_err(|what| PackError::new("list", list, what))?;
            place.lists.insert(list.clone(), number);
        }
        let number = self.automaton.meanings.len() as u32;
        self.automaton.meanings.push(meaning(block));
        for source in &block.sentences {
            let error = |what| PackError::new("sentence", &format!("{source}\" of \"{name}"), what);
            let template = template::parse(source.trim()).map_err(error)?;
            let root = self.part(&template, &mut place).map_err(error)?;
            let [begins_with_wildcard, ends_with_wildcard] =
                [first(&template), last(&template)].map(|part| part.is_some_and(|part| self.is_wildcard(part, &place)));
            let Part { node: root, needs, .. } = root;
            let sentence = Sentence { root, intent, block: number, needs, begins_with_wildcard, ends_with_wildcard };
            self.automaton.sentences.push(sentence);
        }
        Ok(())
    }

    fn is_wildcard(&self, template: &Template, place: &Place<'_>) -> bool {
        let Template::List(reference) = template else { return false };
        let ListName::Named(name) = &reference.list else { return false };
        let list = place.lists.get(&**name).or_else(|| self.automaton.list_names.get(&**name));
        list.is_some_and(|list| matches!(self.automaton.lists[*list as usize], List::Wildcard))
    }

    fn part(&mut self, template: &Template, place: &mut Place<'_>) -> Result<Part, String> {
        let part = match template {
            Template::Word(word) => {
                let needs = fragment(word).map(|fragment| vec![vec![self.fragment(fragment)]]).unwrap_or_default();
                let node = match self.words.get(word) {
                    Some(node) => *node,
                    None => {
                        let node = self.node(Node::Word(word.clone()));
                        self.words.insert(word.clone(), node);
                        node
                    }
                };
                Part { node, parts: 1, is_plain: true, needs }
            }
            Template::Space => Part { node: self.node(Node::Space), parts: 1, is_plain: true, needs: Needs::new() },
            Template::Sequence(parts) => {
                let (nodes, mut part) = self.parts(parts, place)?;
                part.node = if let [one] = *nodes { one } else { self.node(Node::Sequence(nodes)) };
                part
            }
            Template::Permutation(parts) => {
                if parts.len() > MOST_IN_ANY_ORDER {
                    return Err(format!("more than {MOST_IN_ANY_ORDER} parts may come in any order"));
                }
                let (nodes, mut part) = self.parts(parts, place)?;
                part.node = self.node(Node::Permutation(nodes));
                part
            }
            Template::Alternatives(parts) => self.alternatives(parts, place)?,
            Template::List(reference) => {
                let list = self.list(&reference.list, place)?;
                let slot = self.slot(&reference.slot);
                let (is_capture, ends_word) = (reference.is_capture, reference.ends_word);
                let node = self.node(Node::List { list, slot, is_capture, ends_word });
                Part { node, parts: 1, is_plain: false, needs: Needs::new() }
            }
            Template::Rule(name) => {
                let Rule { node, parts, is_plain, needs } = self.rule(name, place)?;
                Part { node, parts, is_plain, needs }
            }
        };
        if part.parts > MOST_PARTS {
            return Err(format!("with its rules it has more than {MOST_PARTS} parts"));
        }
        Ok(part)
    }

    /// All of them, without a node for all together.
    fn parts(&mut self, parts: &[Template], place: &mut Place<'_>) -> Result<(Box<[NodeId]>, Part), String> {
        let mut nodes = Vec::with_capacity(parts.len());
        let mut all = Part { node: 0, parts: 1, is_plain: true, needs: Needs::new() };
        for part in parts {
            let part = self.part(part, place)?;
            nodes.push(part.node);
            all.parts += part.parts;
            all.is_plain &= part.is_plain;
            all.needs.extend(part.needs);
        }
        Ok((nodes.into(), all))
    }

    fn alternatives(&mut self, parts: &[Template], place: &mut Place<'_>) -> Result<Part, String> {
        let mut nodes = Vec::with_capacity(parts.len());
        let mut all = Part { node: 0, parts: 1, is_plain: true, needs: Needs::new() };
        // One of them is said, so one of what each needs.
        let mut one_of = Some(Vec::new());
        for part in parts {
            let part = self.part(part, place)?;
            nodes.push(part.node);
            all.parts += part.parts;
            all.is_plain &= part.is_plain;
            match (&mut one_of, part.needs.into_iter().min_by_key(Vec::len)) {
                (Some(one_of), Some(needs)) => one_of.extend(needs),
                _ => one_of = None,
            }
        }
        if let Some(mut one_of) = one_of {
            one_of.sort_unstable();
            one_of.dedup();
            all.needs.push(one_of);
        }
        all.node = self.node(Node::Alternatives(nodes.into()));
        Ok(all)
    }

    fn list(&mut self, name: &ListName, place: &Place<'_>) -> Result<u32, String> {
        match name {
            ListName::Named(name) => {
                if let Some(list) = place.lists.get(&**name).or_else(|| self.automaton.list_names.get(&**name)) {
                    return Ok(*list);
                }
                // What is in the house comes later.
                self.automaton.lists.push(List::Values(Values::default()));
                let number = self.automaton.lists.len() as u32 - 1;
                self.automaton.list_names.insert(name.to_string(), number);
                Ok(number)
            }
            ListName::Range { from, to, step } => {
                let range = pack::Range { from: *from, to: *to, step: *step, multiplier: None, fractions: None };
                self.automaton.lists.push(List::Range(Numbers::new(&range)?));
                Ok(self.automaton.lists.len() as u32 - 1)
            }
        }
    }

    fn rule(&mut self, name: &str, place: &mut Place<'_>) -> Result<Rule, String> {
        // In a block with rules of its own, those of the pack may mean something else, since they use them.
        let known = if place.block.is_some() { place.rules.get(name) } else { self.rules.get(name) };
        if let Some(rule) = known {
            return Ok(rule.clone());
        }
        if place.open.iter().any(|open| open == name) {
            return Err(format!("the rule <{name}> is made of itself"));
        }
        if place.open.len() >= DEEPEST {
            return Err(format!("rules stand more than {DEEPEST} deep, at <{name}>"));
        }
        let own = place.block.and_then(|block| block.expansion_rules.get(name));
        let source = own.or_else(|| self.pack.expansion_rules.get(name));
        let source = source.ok_or_else(|| format!("there is no rule <{name}>"))?;
        let template = match self.templates.get(source) {
            Some(template) => template.clone(),
            None => {
                let template =
                    template::parse(source.trim()).map_err(|what| format!("in the rule <{name}>, {what}"))?;
                self.templates.insert(source.clone(), template.clone());
                template
            }
        };
        place.open.push(name.to_owned());
        let part = self.part(&template, place)?;
        place.open.pop();
        let node = if part.is_plain {
            self.automaton.plain_rules += 1;
            self.node(Node::Plain { rule: self.automaton.plain_rules - 1, body: part.node })
        } else {
            part.node
        };
        let rule = Rule { node, parts: part.parts, is_plain: part.is_plain, needs: part.needs };
        let rules = if place.block.is_some() { &mut place.rules } else { &mut self.rules };
        rules.insert(name.to_owned(), rule.clone());
        Ok(rule)
    }

    fn node(&mut self, node: Node) -> NodeId {
        self.automaton.nodes.push(node);
        self.automaton.nodes.len() as NodeId - 1
    }

    fn slot(&mut self, name: &str) -> u32 {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        let slot = self.automaton.slots.len() as u32;
        self.automaton.slots.push(name.to_owned());
        self.slots.insert(name.into(), slot);
        slot
    }

    fn fragment(&mut self, fragment: &str) -> u32 {
        let next = self.fragments.len() as u32;
        *self.fragments.entry(fragment.into()).or_insert(next)
    }

    fn finish(mut self) -> Result<Automaton, PackError> {
        let mut fragments: Vec<_> = self.fragments.into_iter().collect();
        fragments.sort_unstable_by_key(|(_, number)| *number);
        let words = fragments.iter().map(|(word, _)| &**word);
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(words);
        let automaton =
            automaton.map_err(|error| PackError::new("language", &self.pack.language, error.to_string()))?;
        self.automaton.fragment_count = fragments.len();
        self.automaton.fragments = Some(automaton);
        Ok(self.automaton)
    }
}

/// What has to be in what was said for a word to match; marks may have been taken off there.
fn fragment(word: &str) -> Option<&str> {
    (!word.is_empty() && word.chars().all(char::is_alphanumeric)).then_some(word)
}

fn meaning(block: &Block) -> Meaning {
    let mut slots = block.slots.clone();
    if let Some(domain) = &block.inferred_domain {
        slots.entry("domain".to_owned()).or_insert_with(|| Value::String(domain.clone()));
    }
    let mut requires = block.requires_context.clone();
    if !block.name_domains.is_empty() {
        let domains = block.name_domains.iter().cloned().map(Value::String).collect();
        requires.entry("domain".to_owned()).or_insert(Value::Array(domains));
    }
    Meaning { slots, response: block.response.clone(), requires, excludes: block.excludes_context.clone() }
}

fn first(template: &Template) -> Option<&Template> {
    match template {
        Template::Sequence(parts) => parts.first(),
        other => Some(other),
    }
}

fn last(template: &Template) -> Option<&Template> {
    match template {
        Template::Sequence(parts) => parts.last(),
        other => Some(other),
    }
}
