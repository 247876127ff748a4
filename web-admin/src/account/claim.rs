//! `/api/claim`: how a device that is new gets to know its owner. Whoever is near enough to hear it say a code, or may read its
//! log, is taken for that.

use std::fmt::Write as _;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use pipit_store::StoreError;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::sign_in::{Visitor, told};
use super::{Accounts, Attempt};
use crate::guard::JsonBody;
use crate::problem::{Problem, blocking, sentence};
use crate::{NotAnnounced, Sources};

/// How long a code is good.
pub const GOOD_FOR: Duration = Duration::from_secs(10 * 60);
/// Wrong guesses that make it useless.
const GUESSES: u32 = 5;
/// There is no new one before.
const APART: Duration = Duration::from_secs(30);

const DIGITS: usize = 6;

/// The code that was said last.
pub(super) struct Code {
    /// Nothing once it is useless.
    digits: Option<Zeroizing<[u8; DIGITS]>>,
    wrong: u32,
    made: Timestamp,
}

impl Code {
    /// A code that nobody can guess.
    fn new(now: Timestamp) -> Result<Code, getrandom::Error> {
        const CODES: u32 = 10_u32.pow(DIGITS as u32);
        // What is beyond the last whole million would make some codes likelier than others.
        let number = loop {
            let number = getrandom::u32()?;
            if number < u32::MAX / CODES * CODES {
                break number % CODES;
            }
        };
        let mut digits = Zeroizing::new([0; DIGITS]);
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        Ok(Code { digits: Some(digits), wrong: 0, made: now })
    }

    /// Whether it may still be right.
    fn is_good(&self) -> bool {
        self.digits.is_some()
    }

    fn age(&self, now: Timestamp) -> Duration {
        // A clock that was set back begins anew.
        Duration::try_from(now.duration_since(self.made)).unwrap_or_default()
    }

    /// Whether this is the code, which is then useless. So is one that was guessed wrong too often, or is too old.
    fn take(&mut self, guess: &str, now: Timestamp) -> Guess {
        let Some(digits) = self.digits.as_ref().filter(|_| self.age(now) < GOOD_FOR) else { return Guess::NoCode };
        let guess = guess.as_bytes();
        // Every digit is looked at, so that the time says nothing.
        let differing = digits.iter().zip(guess).fold(0, |differing, (a, b)| differing | (a ^ b));
        if guess.len() == DIGITS && differing == 0 {
            self.digits = None;
            return Guess::Right;
        }
        self.wrong += 1;
        if self.wrong >= GUESSES {
            self.digits = None;
        }
        Guess::Wrong
    }
}

/// What came of a guess.
#[derive(Debug, PartialEq, Eq)]
enum Guess {
    Right,
    Wrong,
    NoCode,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    code: Zeroizing<String>,
    name: String,
    password: Zeroizing<String>,
}

/// 204: a new code is said and logged. 429 where there was one a moment ago, 409 once the device is claimed.
pub(super) async fn new_code(State(sources): State<Sources>) -> Result<StatusCode, Problem> {
    let accounts = sources.accounts;
    let claimed = accounts.clone();
    if blocking(move || claimed.root().is_claimed()).await?? {
        return Err(StoreError::AlreadyClaimed.into());
    }
    let digits = accounts.make_code()?;
    let shown = Zeroizing::new(digits.iter().map(|digit| char::from(*digit)).collect::<String>());
    tracing::info!("to claim this Pipit, enter the code {} at the panel within ten minutes", shown.as_str());
    accounts.show_code(Some(&shown));
    let mut text = Zeroizing::new(String::from("Your code is"));
    for (n, digit) in shown.chars().enumerate() {
        let parted = if n == 0 { " " } else { ", " };
        // A string takes whatever is written to it.
        let _ = write!(text, "{parted}{digit}");
    }
    text.push('.');
    if let Err(NotAnnounced::Unfit(why) | NotAnnounced::NotNow(why)) = (accounts.0.say)(text.to_string()).await {
        tracing::warn!("the code to claim this Pipit is not spoken: {why}");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// 201 with a cookie: whoever knows the code is the owner, with this name and password.
pub(super) async fn claim(
    State(sources): State<Sources>,
    visitor: Visitor,
    JsonBody(Claim { code, name, password }): JsonBody<Claim>,
) -> Result<Response, Problem> {
    let accounts = sources.accounts;
    accounts.attempt(Attempt::Claim, visitor.peer)?;
    let permit = accounts.may_hash().await?;
    let claimed = blocking(move || {
        let _permit = permit;
        let root = accounts.root();
        if root.is_claimed()? {
            return Err(StoreError::AlreadyClaimed.into());
        }
        // Nobody should need a new code for having mistaken the password.
        root.check_new_password(&name, &password)?;
        accounts.take_code(&code, &visitor)?;
        let id = root.claim(&name, &password).inspect_err(|_| accounts.give_back_code(&code))?;
        let person = root.known(id)?;
        let (_, cookie) = accounts.begin(&person, &visitor)?;
        accounts.show_code(None);
        accounts.note(Some(id), "claimed", &visitor.address);
        tracing::info!("this Pipit has been claimed");
        Ok::<_, Problem>((told(true, Some(&person)), cookie))
    });
    let (told, cookie) = claimed.await??;
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Json(told)).into_response())
}

impl Accounts {
    fn make_code(&self) -> Result<Zeroizing<[u8; DIGITS]>, Problem> {
        let (now, mut code) = (self.now(), self.code());
        if let Some(left) =
            code.as_ref().and_then(|code| APART.checked_sub(code.age(now))).filter(|left| !left.is_zero())
        {
            return Err(Problem::too_many(left));
        }
        let no_randomness = |error: getrandom::Error| StoreError::NoRandomness(error.to_string());
        let new = Code::new(now).map_err(no_randomness)?;
        let digits = new.digits.clone().unwrap_or_default();
        *code = Some(new);
        Ok(digits)
    }

    /// The code was right and nothing came of it, so it is as good as before.
    fn give_back_code(&self, guess: &str) {
        if let (Some(code), Ok(digits)) = (self.code().as_mut(), guess.trim().as_bytes().try_into()) {
            code.digits.get_or_insert(Zeroizing::new(digits));
        }
    }

    fn take_code(&self, guess: &str, visitor: &Visitor) -> Result<(), Problem> {
        let guessed = self.code().as_mut().map_or(Guess::NoCode, |code| code.take(guess.trim(), self.now()));
        if !self.code().as_ref().is_some_and(Code::is_good) && guessed != Guess::Right {
            self.show_code(None);
        }
        let (code, message) = match guessed {
            Guess::Right => return Ok(()),
            Guess::Wrong => ("wrong_code", "that is not the code; listen again, or have a new one said"),
            Guess::NoCode => ("no_code", "there is no code that is still good; have a new one said"),
        };
        if guessed == Guess::Wrong {
            self.note(None, "claim failed", &visitor.address);
        }
        Err(Problem::new(StatusCode::FORBIDDEN, code, sentence(message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn code() -> Code {
        Code { digits: Some(Zeroizing::new(*b"048219")), wrong: 0, made: at(0) }
    }

    #[test]
    fn a_code_is_good_once_for_ten_minutes_and_for_five_guesses() {
        assert_eq!(code().take("048219", at(599)), Guess::Right);
        assert_eq!(code().take("048219", at(600)), Guess::NoCode);
        let mut once = code();
        assert_eq!(once.take("048219", at(1)), Guess::Right);
        assert_eq!(once.take("048219", at(1)), Guess::NoCode);
        let mut guessed = code();
        for wrong in ["", "04821", "0482199", "048218", "148219"] {
            assert_eq!(guessed.take(wrong, at(1)), Guess::Wrong, "{wrong}");
        }
        assert_eq!(guessed.take("048219", at(1)), Guess::NoCode);
    }

    #[test]
    fn codes_have_six_digits_and_differ() {
        let codes: Vec<_> = (0..100).map(|_| Code::new(at(0)).unwrap().digits.unwrap()).collect();
        assert!(codes.iter().all(|code| code.iter().all(u8::is_ascii_digit)));
        let mut different: Vec<_> = codes.iter().map(|code| **code).collect();
        different.sort_unstable();
        different.dedup();
        assert!(different.len() > 90, "{}", different.len());
    }
}
