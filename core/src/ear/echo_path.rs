//! Whether a person can be heard over Pipit's own voice in a room, by what was measured there.

use std::fmt;
use std::time::Duration;

/// The filter must take out this much, or what it leaves sounds like Pipit: half of what it does in a living room.
const LEAST_REMOVED_DB: f32 = 6.0;
/// In a room that is louder than this by itself nobody is understood over a loudspeaker.
const LOUDEST_ROOM_DBFS: f32 = -30.0;

/// What was measured of the way from the speaker to the microphone.
#[derive(Clone, Debug, PartialEq)]
pub struct EchoPath {
    /// From the speaker's being given a sound to the microphone's handing it over; none where the microphone does not
    /// hear the speaker.
    pub delay: Option<Duration>,
    /// By how much the adaptive filter lowers the echo, in dB.
    pub linear_removed_db: f32,
    /// By how much filter and suppressor lower it together, in dB.
    pub removed_db: f32,
    /// The room's own noise, in dB of full scale.
    pub noise_floor_dbfs: f32,
}

/// Why a person can't be heard over Pipit's own voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The microphone does not hear the speaker.
    NoEcho,
    /// Too much of the echo is left.
    EchoStays,
    /// The room is too loud.
    LoudRoom,
}

impl EchoPath {
    /// What keeps barge-in from working, if anything does.
    #[must_use]
    pub fn obstacle(&self) -> Option<Obstacle> {
        if self.delay.is_none() {
            Some(Obstacle::NoEcho)
        } else if self.linear_removed_db.is_nan() || self.linear_removed_db < LEAST_REMOVED_DB {
            Some(Obstacle::EchoStays)
        } else if self.noise_floor_dbfs > LOUDEST_ROOM_DBFS {
            Some(Obstacle::LoudRoom)
        } else {
            None
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Obstacle::NoEcho => {
                "the microphone does not hear the speaker; turn the speaker up, or name the right devices in audio.input \
                 and audio.output; with headphones, set audio.barge_in to \"on\""
            }
            Obstacle::EchoStays => {
                "too little of the speaker's sound can be taken out of what the microphone hears; turn the speaker down, \
                 or move it and the microphone apart"
            }
            Obstacle::LoudRoom => "the room is too loud; turn off what makes the noise, or move the microphone",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barge_in_works_where_the_echo_is_heard_and_removed_in_a_room_that_is_not_loud() {
        let good = EchoPath {
            delay: Some(Duration::from_millis(120)),
            linear_removed_db: 12.0,
            removed_db: 40.0,
            noise_floor_dbfs: -60.0,
        };
        let obstacle = |change: &dyn Fn(&mut EchoPath)| {
            let mut path = good.clone();
            change(&mut path);
            path.obstacle()
        };
        assert_eq!(obstacle(&|_| {}), None);
        assert_eq!(obstacle(&|path| path.delay = None), Some(Obstacle::NoEcho));
        assert_eq!(obstacle(&|path| path.linear_removed_db = 3.0), Some(Obstacle::EchoStays));
        assert_eq!(obstacle(&|path| path.linear_removed_db = f32::NAN), Some(Obstacle::EchoStays));
        assert_eq!(obstacle(&|path| path.noise_floor_dbfs = -20.0), Some(Obstacle::LoudRoom));
    }
}
