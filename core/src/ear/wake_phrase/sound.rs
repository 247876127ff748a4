//! Spelling as sound, coarsely: enough to tell that "peppit" and "pip it" may be a "pipit", and "peter" may not.
//!
//! A recogniser that meets a name it does not know writes words that it does know and that sound alike. So consonants
//! count in full, vowels a little, and where a word ends hardly at all. In the manner of Metaphone, but with the vowels
//! kept, because a phrase of two words has few sounds to tell it by.

/// One sound, as far as spelling tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sound {
    Consonant(char),
    Vowel(Vowel),
    /// Between two words.
    Boundary,
}

/// Where in the mouth a vowel is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vowel {
    /// As in "hey".
    Ey,
    /// As in "bit", "bet" and "beat".
    Front,
    /// As in "bat".
    Open,
    /// As in "bought", "boot" and "but".
    Back,
}

// What one difference costs, in hundredths of a consonant.

/// Another consonant, one too many, or one missing.
const CONSONANT: u32 = 100;
/// An "h" too many or missing: "a pipit" is "hey pipit" said fast.
const BREATH: u32 = 20;
/// A vowel too many or missing.
const EXTRA_VOWEL: u32 = 60;
/// A word split or joined.
const BOUNDARY: u32 = 20;
/// Consonants that recognisers take for each other: those that differ in voice, and a few made in the same place.
const CLOSE: &[(char, char, u32)] = &[
    ('p', 'b', 30),
    ('t', 'd', 30),
    ('k', 'g', 30),
    ('f', 'v', 30),
    ('s', 'z', 30),
    (CH, 'j', 30),
    ('b', 'v', 40),
    ('v', 'w', 40),
    ('m', 'n', 40),
    ('f', TH, 40),
    ('s', SH, 40),
];

/// Sounds that English writes with two letters, by signs that no spelling holds.
const CH: char = '\u{2}';
const SH: char = '\u{3}';
const TH: char = '\u{4}';

/// The sounds of `words`, said one after the other.
pub(super) fn sounds<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<Sound> {
    let mut sounds = Vec::new();
    for word in words {
        if !sounds.is_empty() {
            sounds.push(Sound::Boundary);
        }
        spell(word, &mut sounds);
    }
    sounds
}

/// What it costs to take `heard` for `wanted`: an edit distance in which each difference has its own price.
pub(super) fn distance(wanted: &[Sound], heard: &[Sound]) -> u32 {
    let mut row: Vec<u32> = vec![0];
    for sound in heard {
        row.push(row[row.len() - 1] + presence(*sound));
    }
    for sound in wanted {
        let mut diagonal = row[0];
        row[0] += presence(*sound);
        for (column, other) in heard.iter().enumerate() {
            let exchanged = diagonal + exchange(*sound, *other);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(diagonal + presence(*sound)).min(row[column] + presence(*other));
        }
    }
    row[heard.len()]
}

/// The price of a sound on one side alone.
fn presence(sound: Sound) -> u32 {
    match sound {
        Sound::Consonant('h') => BREATH,
        Sound::Consonant(_) => CONSONANT,
        Sound::Vowel(_) => EXTRA_VOWEL,
        Sound::Boundary => BOUNDARY,
    }
}

/// The price of one sound in place of another. Sounds of different kinds don't stand for each other.
fn exchange(one: Sound, other: Sound) -> u32 {
    match (one, other) {
        _ if one == other => 0,
        (Sound::Consonant(a), Sound::Consonant(b)) => {
            let close = CLOSE.iter().find(|(x, y, _)| (a, b) == (*x, *y) || (b, a) == (*x, *y));
            close.map_or(CONSONANT, |(_, _, price)| *price)
        }
        (Sound::Vowel(a), Sound::Vowel(b)) => between(a, b),
        _ => presence(one) + presence(other),
    }
}

fn between(one: Vowel, other: Vowel) -> u32 {
    match (one, other) {
        (Vowel::Ey, Vowel::Front) | (Vowel::Front, Vowel::Ey) => 20,
        (Vowel::Back, _) | (_, Vowel::Back) => 50,
        _ => 40,
    }
}

/// Appends the sounds of one word in small letters.
fn spell(word: &str, sounds: &mut Vec<Sound>) {
    let letters: Vec<char> = word.chars().map(unaccented).collect();
    let begin = sounds.len();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let length = letters[at..].iter().take_while(|letter| is_vowel(**letter)).count();
        let rest = &letters[at..];
        // "yes" begins with a consonant.
        let glide = at == 0 && letter == 'y' && length > 1;
        if length == 0 || glide {
            at += consonant(rest, at, sounds);
            continue;
        }
        let last = at + length == letters.len();
        let spoken_before = sounds[begin..].iter().any(|sound| matches!(sound, Sound::Vowel(_)));
        // "pipette" and "pipe" end in a consonant.
        if !(last && length == 1 && letter == 'e' && spoken_before) {
            let run = &rest[..length];
            sounds.push(Sound::Vowel(if letters == ['a'] { Vowel::Ey } else { vowel(run) }));
        }
        at += length;
    }
}

/// Appends the consonant at the front of `letters`, which are those of a word from `at` on; says how many it took.
fn consonant(letters: &[char], at: usize, sounds: &mut Vec<Sound>) -> usize {
    let next = letters.get(1).copied();
    let (spoken, length): (&[char], usize) = match (letters[0], next) {
        ('p', Some('h')) => (&['f'], 2),
        ('c', Some('k')) => (&['k'], 2),
        ('s', Some('h')) => (&[SH], 2),
        ('c', Some('h')) => (&[CH], 2),
        ('t', Some('h')) => (&[TH], 2),
        ('d', Some('g')) => (&['j'], 2),
        ('w', Some('h')) => (&['w'], 2),
        ('g', Some('h')) if at > 0 => (&[], 2),
        ('k', Some('n')) if at == 0 => (&['n'], 2),
        ('w', Some('r')) if at == 0 => (&['r'], 2),
        ('t', Some('c')) if letters.get(2) == Some(&'h') => (&[], 1),
        ('c', Some('e' | 'i' | 'y')) => (&['s'], 1),
        ('c', _) => (&['k'], 1),
        ('q', Some('u')) => (&['k', 'w'], 2),
        ('q', _) => (&['k'], 1),
        ('x', _) => (&['k', 's'], 1),
        // "ah", "oh" and "John".
        ('h', next) if at > 0 && !next.is_some_and(is_vowel) => (&[], 1),
        _ => (&letters[..1], 1),
    };
    for sound in spoken.iter().map(|letter| Sound::Consonant(*letter)) {
        // Doubled consonants sound like one.
        if sounds.last() != Some(&sound) {
            sounds.push(sound);
        }
    }
    length
}

/// The vowel that a run of vowel letters stands for.
fn vowel(run: &[char]) -> Vowel {
    match run {
        ['e' | 'a', 'y' | 'i', ..] => Vowel::Ey,
        ['a', ..] => Vowel::Open,
        ['e' | 'i' | 'y', ..] => Vowel::Front,
        _ => Vowel::Back,
    }
}

fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

/// The plain letter under a common accent. Letters of other scripts are sounds of their own.
fn unaccented(letter: char) -> char {
    match letter {
        'à'..='å' | 'ā' => 'a',
        'ç' => 'c',
        'è'..='ë' | 'ē' => 'e',
        'ì'..='ï' | 'ī' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' | 'ō' => 'o',
        'ù'..='ü' | 'ū' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(wanted: &str, heard: &str) -> u32 {
        distance(&sounds(wanted.split(' ')), &sounds(heard.split(' ')))
    }

    #[test]
    fn spellings_of_one_sound_are_near_and_other_sounds_far() {
        for (heard, price) in [
            ("hey pipit", 0),
            ("hay peppet", 0),
            ("hey pipette", 0),
            ("héy pípit", 0),
            ("hi pippit", 20),
            ("a pipit", 20),
            ("heypipit", 20),
            ("hey pip it", 20),
            ("hey pipid", 30),
            ("hey puppet", 50),
            ("hey pop it", 70),
            ("happy pit", 80),
            ("hey pick it", 120),
            ("hey pipits", 100),
            ("hey pip", 160),
            ("hey peter", 200),
        ] {
            assert_eq!(apart("hey pipit", heard), price, "{heard}");
        }
    }

    #[test]
    fn letters_that_sound_alike_are_alike() {
        for (one, other) in [
            ("computer", "komputer"),
            ("phoenix", "fenicks"),
            ("quick", "kwik"),
            ("knight", "nit"),
            ("cheddar", "chedar"),
            ("watch", "wach"),
            ("alexa", "aleksa"),
        ] {
            assert!(apart(one, other) <= 50, "{one} and {other} are {} apart", apart(one, other));
        }
    }

    #[test]
    fn the_distance_is_the_same_from_both_sides() {
        for (one, other) in
            [("hey pipit", "happy birthday"), ("", "pipit"), ("jarvis", "travis"), ("ピピット", "pipit")]
        {
            assert_eq!(apart(one, other), apart(other, one));
            assert_eq!(apart(one, one), 0);
        }
    }
}
