//! Turn-taking: who has the floor, when a person has finished, and what Pipit does about it.
//!
//! One [`Machine`] stands for each place that a person can speak from. It is fed [`Event`]s with the time at which they
//! happened and answers with [`Effect`]s; it holds no thread, no clock and no model.

mod attention;
mod completeness;
mod contest;
mod draft;
mod effect;
mod endpointing;
mod event;
mod following;
mod heard;
mod id;
mod interruption;
mod machine;
mod overheard;
mod parts;
mod reply;
mod replying;
mod settings;
mod utterance;
mod weighing;

pub use attention::{Admission, Attention, AttentionSettings, Overheard, Verdict, WakeCounters, WakeMode};
pub use completeness::reads_finished;
pub use contest::{Contest, RivalClaim};
pub use effect::{Effect, EndedBy};
pub use event::{Event, Transcription, Understanding};
pub use id::{DraftId, NoticeId, TurnId};
pub use interruption::{Interruption, ends_in_question, interruption};
pub use machine::{Machine, Phase};
pub use parts::part_to_cut;
pub use settings::TurnSettings;
