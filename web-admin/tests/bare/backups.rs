//! What stands for the daemon's backups: it keeps their lengths, and knows one passphrase.
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use pipit_store::Contents;
use pipit_web::backup::{Backups, Made, Restoration, TakeIn, Told};

pub(crate) const CONTENT: &[u8] = b"pipit backup 1\n, and what only a passphrase opens";
pub(crate) const PASSPHRASE: &str = "four wet green herons";
/// The most that is taken in.
pub(crate) const MOST: u64 = 1 << 20;

#[derive(Clone, Default)]
struct Standing(Arc<Mutex<(Option<Made>, Restoration)>>);

pub(crate) fn standing() -> Arc<dyn Backups> {
    Arc::new(Standing::default())
}

struct Taking(Standing, u64);

impl TakeIn for Taking {
    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.1 += bytes.len() as u64;
        if self.1 > MOST { Err("that is more than fits here".to_owned()) } else { Ok(()) }
    }

    fn end(&mut self) -> Result<(), String> {
        self.0.0.lock().unwrap().1.taken_in = Some(self.1);
        Ok(())
    }
}

impl Backups for Standing {
    fn made(&self) -> Option<Made> {
        self.0.lock().unwrap().0.clone()
    }

    fn make(&self, _: &str, told: Told<'_>) -> Result<Made, String> {
        assert!(told(1, 2));
        let made = Made { name: "pipit.backup".to_owned(), bytes: CONTENT.len() as u64, at: Timestamp::UNIX_EPOCH };
        self.0.lock().unwrap().0 = Some(made.clone());
        Ok(made)
    }

    fn read(&self) -> Result<Option<(Made, File)>, String> {
        let Some(made) = self.made() else { return Ok(None) };
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(CONTENT).unwrap();
        file.rewind().unwrap();
        Ok(Some((made, file)))
    }

    fn discard(&self) -> Result<(), String> {
        self.0.lock().unwrap().0 = None;
        Ok(())
    }

    fn restoration(&self) -> Restoration {
        self.0.lock().unwrap().1.clone()
    }

    fn take_in(&self, bytes: Option<u64>) -> Result<Box<dyn TakeIn>, String> {
        if bytes.is_some_and(|bytes| bytes > MOST) {
            return Err("that is more than fits here".to_owned());
        }
        Ok(Box::new(Taking(self.clone(), 0)))
    }

    fn try_out(&self, passphrase: &str, _: Told<'_>) -> Result<Contents, String> {
        if passphrase != PASSPHRASE {
            return Err("that is not the passphrase of this backup".to_owned());
        }
        let contents = Contents {
            pipit: "1.2.3".to_owned(),
            made_at: Timestamp::UNIX_EPOCH,
            people: vec!["Otto".to_owned()],
            is_claimed: true,
            conversations: 1,
            messages: 2,
            facts: 3,
            timers: 4,
            alarms: 5,
            announcements: 6,
            tokens: 7,
            secrets: 8,
            has_settings: true,
            has_configuration: false,
        };
        self.0.lock().unwrap().1.tried = Some(contents.clone());
        Ok(contents)
    }

    fn confirm(&self) -> Result<(), String> {
        let mut state = self.0.lock().unwrap();
        if state.1.tried.take().is_none() {
            return Err("nothing was tried".to_owned());
        }
        state.1 = Restoration { confirmed: true, ..Restoration::default() };
        Ok(())
    }

    fn cancel(&self) -> Result<(), String> {
        self.0.lock().unwrap().1 = Restoration::default();
        Ok(())
    }

    fn delete_kept(&self) -> Result<(), String> {
        Ok(())
    }

    fn is_erased_next(&self) -> bool {
        false
    }

    fn erase_next(&self, _: bool) -> Result<(), String> {
        Ok(())
    }
}
