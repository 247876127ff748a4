//! Hysteresis over voice activity, and the audio that belongs to each stretch of speech.

use std::collections::VecDeque;
use std::time::Duration;

use super::EarSettings;
use crate::audio::{AudioFrame, FRAME_SAMPLES, Fade, LISTENING_RATE, Pcm, SampleIndex, SpeechStretch, samples_in};

/// Speech that goes on without a pause is handed over this often, so that it can be worked on while it goes on.
const LONGEST_STRETCH: Duration = Duration::from_millis(500);

/// Voice activity below which a voice that speaks may be falling silent: more often than not it is.
const FADING: f32 = 0.8;

/// How far back the audio before a stretch is kept. It must reach over the longest silence inside one utterance.
const MEMORY: Duration = Duration::from_secs(4);

/// What the ear has noticed.
#[derive(Clone, Debug, PartialEq)]
pub enum SpeechFact {
    /// Speech began, or began again after a pause.
    Started {
        /// Where it began.
        at: SampleIndex,
    },
    /// Speech goes on; this is what has been said since the last stretch.
    Continues(SpeechStretch),
    /// Speech may have paused just now; this is what has been said since the last stretch. It goes on, or a pause follows, or
    /// another of these because the voice was still fading.
    Lulled(SpeechStretch),
    /// Speech has not paused after all.
    Resumed,
    /// Speech has paused; this is what has been said since the last stretch.
    Paused(SpeechStretch),
    /// Speech that had started can't be used: the microphone failed or was muted in the middle of it.
    Discarded,
    /// While the speaker sounds, something else does too. Speech may start now; where it does not, nothing follows.
    Stirred,
}

/// Turns frames and their voice activity into [`SpeechFact`]s.
#[derive(Debug)]
pub struct Segmenter {
    settings: EarSettings,
    /// Audio that has not been handed over, oldest first. In silence no more than [`MEMORY`] of it is kept.
    kept: VecDeque<f32>,
    /// Position of the first sample in `kept`.
    kept_from: SampleIndex,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Quiet,
    /// Voice activity has begun, not yet for long enough to be speech.
    Onset {
        since: SampleIndex,
    },
    Speech {
        onset: SampleIndex,
        speech_end: SampleIndex,
        /// Voice activity of the frame that ended there, and the sum of it over the frames since then.
        last: f32,
        since: f32,
        /// Where the voice seemed to fall silent, if it did.
        lulled: Option<SampleIndex>,
    },
}

impl Segmenter {
    /// A segmenter that has heard nothing yet.
    #[must_use]
    pub fn new(settings: EarSettings) -> Self {
        Segmenter { settings, kept: VecDeque::new(), kept_from: SampleIndex::default(), phase: Phase::Quiet }
    }

    /// Takes the next frame with its voice activity (0.0..=1.0).
    ///
    /// A frame that does not follow the one before, because the microphone was away, begins afresh.
    pub fn push(&mut self, frame: &AudioFrame, voice_activity: f32) -> Option<SpeechFact> {
        let gap = frame.at != self.kept_from + self.kept.len();
        let discarded = if gap { self.forget() } else { None };
        if gap {
            self.kept_from = frame.at;
        }
        self.kept.extend(frame.samples.iter());
        discarded.or_else(|| self.judge(frame, voice_activity))
    }

    /// Drops what was kept, because what follows is not the same stretch of sound: the microphone was away, or muted.
    pub fn forget(&mut self) -> Option<SpeechFact> {
        self.kept_from = self.kept_from + self.kept.len();
        self.kept.clear();
        let was_speech = matches!(self.phase, Phase::Speech { .. });
        self.phase = Phase::Quiet;
        was_speech.then_some(SpeechFact::Discarded)
    }

    /// Whether neither speech nor the beginning of it is going on.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        matches!(self.phase, Phase::Quiet)
    }

    fn judge(&mut self, frame: &AudioFrame, voice_activity: f32) -> Option<SpeechFact> {
        let speech = voice_activity >= self.settings.speech_threshold;
        let silence = voice_activity < self.settings.silence_threshold;
        match &mut self.phase {
            Phase::Quiet if speech => {
                self.phase = Phase::Onset { since: frame.at };
                self.confirm_onset(frame, voice_activity)
            }
            Phase::Quiet => {
                self.trim_memory();
                None
            }
            Phase::Onset { .. } if silence => {
                self.phase = Phase::Quiet;
                None
            }
            Phase::Onset { .. } => self.confirm_onset(frame, voice_activity),
            Phase::Speech { speech_end, last, since, .. } => {
                *since += voice_activity;
                if !silence {
                    (*speech_end, *last, *since) = (frame.end(), voice_activity, 0.0);
                }
                self.follow_speech(frame.end(), voice_activity)
            }
        }
    }

    /// Speech has gone on until `now`, or has paused.
    fn follow_speech(&mut self, now: SampleIndex, voice_activity: f32) -> Option<SpeechFact> {
        let Phase::Speech { onset, speech_end, last, since, lulled } = &mut self.phase else { return None };
        let (begin, speech_end) = (*onset, *speech_end);
        if now.duration_since(speech_end) >= self.settings.pause {
            let frames = now.0.saturating_sub(speech_end.0) as f32 / FRAME_SAMPLES as f32;
            let fade = Fade { last: *last, after: *since / frames.max(1.0) };
            self.phase = Phase::Quiet;
            return Some(SpeechFact::Paused(self.hand_over(begin, speech_end, fade)));
        }
        let gone = voice_activity < self.settings.silence_threshold;
        let fading = gone || voice_activity < FADING;
        // What still sounded after a lull, and is gone now, was its last word.
        if fading && lulled.is_none_or(|at| gone && speech_end > at) {
            (*onset, *lulled) = (now, Some(now));
            return Some(SpeechFact::Lulled(self.hand_over(begin, speech_end, Fade::default())));
        }
        if !fading && lulled.take().is_some() {
            return Some(SpeechFact::Resumed);
        }
        if now.duration_since(begin) < LONGEST_STRETCH {
            return None;
        }
        *onset = now;
        Some(SpeechFact::Continues(self.hand_over(begin, speech_end, Fade::default())))
    }

    fn confirm_onset(&mut self, frame: &AudioFrame, voice_activity: f32) -> Option<SpeechFact> {
        let Phase::Onset { since } = self.phase else { return None };
        if frame.end().duration_since(since) < self.settings.onset {
            return None;
        }
        self.phase =
            Phase::Speech { onset: since, speech_end: frame.end(), last: voice_activity, since: 0.0, lulled: None };
        Some(SpeechFact::Started { at: since })
    }

    /// Everything that is kept becomes a stretch, and the next one begins where it ends.
    fn hand_over(&mut self, onset: SampleIndex, speech_end: SampleIndex, fade: Fade) -> SpeechStretch {
        let start = self.kept_from;
        let samples: Vec<f32> = self.kept.drain(..).collect();
        self.kept_from = start + samples.len();
        SpeechStretch { start, onset, speech_end, fade, pcm: Pcm::new(samples, LISTENING_RATE) }
    }

    fn trim_memory(&mut self) {
        let keep = samples_in(MEMORY, LISTENING_RATE).max(self.pre_roll()) + FRAME_SAMPLES;
        let surplus = self.kept.len().saturating_sub(keep);
        self.kept.drain(..surplus);
        self.kept_from = self.kept_from + surplus;
    }

    fn pre_roll(&self) -> usize {
        samples_in(self.settings.pre_roll, LISTENING_RATE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds one frame per figure and writes down each fact with the frame's number.
    fn hear(activity: &[f32]) -> Vec<String> {
        let mut segmenter = Segmenter::new(EarSettings::default());
        let mut said = Vec::new();
        for (i, &p) in activity.iter().enumerate() {
            let frame = AudioFrame { at: SampleIndex((i * FRAME_SAMPLES) as u64), samples: [p; FRAME_SAMPLES] };
            let frames = |at: SampleIndex| at.0 as usize / FRAME_SAMPLES;
            match segmenter.push(&frame, p) {
                None => {}
                Some(SpeechFact::Started { at }) => said.push(format!("{i}: started at {}", frames(at))),
                Some(SpeechFact::Paused(s)) => {
                    said.push(format!(
                        "{i}: paused, audio {}..{}, speech ended {}",
                        frames(s.start),
                        frames(s.end()),
                        frames(s.speech_end)
                    ));
                }
                Some(SpeechFact::Continues(s)) => {
                    said.push(format!("{i}: continues, audio {}..{}", frames(s.start), frames(s.end())))
                }
                Some(SpeechFact::Lulled(s)) => {
                    said.push(format!("{i}: lulled, audio {}..{}", frames(s.start), frames(s.end())))
                }
                Some(SpeechFact::Resumed) => said.push(format!("{i}: resumed")),
                Some(SpeechFact::Discarded) => said.push(format!("{i}: discarded")),
                Some(SpeechFact::Stirred) => unreachable!("that is for whoever knows what is played"),
            }
        }
        said
    }

    fn pattern(runs: &[(usize, f32)]) -> Vec<f32> {
        runs.iter().flat_map(|&(n, p)| std::iter::repeat_n(p, n)).collect()
    }

    #[test]
    fn a_word_of_a_fifth_of_a_second_is_kept() {
        let said = hear(&pattern(&[(20, 0.0), (6, 0.9), (20, 0.0)]));
        assert_eq!(said, ["21: started at 20", "26: lulled, audio 0..27", "32: paused, audio 27..33, speech ended 26"]);
    }

    #[test]
    fn a_click_of_one_frame_is_no_speech() {
        assert!(hear(&pattern(&[(20, 0.0), (1, 1.0), (20, 0.0)])).is_empty());
    }

    #[test]
    fn a_voice_between_the_thresholds_keeps_speech_going_but_does_not_begin_it() {
        assert!(hear(&pattern(&[(5, 0.0), (50, 0.4)])).is_empty());
        let said = hear(&pattern(&[(5, 0.0), (5, 0.9), (50, 0.4), (20, 0.0)]));
        assert_eq!(
            said,
            [
                "6: started at 5",
                "10: lulled, audio 0..11",
                "26: continues, audio 11..27",
                "42: continues, audio 27..43",
                "58: continues, audio 43..59",
                "60: lulled, audio 59..61",
                "66: paused, audio 61..67, speech ended 60"
            ]
        );
    }

    #[test]
    fn a_lull_that_is_no_pause_is_taken_back() {
        let said = hear(&pattern(&[(5, 0.9), (1, 0.6), (5, 0.9), (3, 0.1), (20, 0.9), (10, 0.0)]));
        assert_eq!(
            said,
            [
                "1: started at 0",
                "5: lulled, audio 0..6",
                "6: resumed",
                "11: lulled, audio 6..12",
                "14: resumed",
                "27: continues, audio 12..28",
                "34: lulled, audio 28..35",
                "40: paused, audio 35..41, speech ended 34"
            ]
        );
    }

    #[test]
    fn stretches_of_one_utterance_follow_each_other_without_a_gap() {
        let said = hear(&pattern(&[(20, 0.0), (10, 0.9), (30, 0.0), (10, 0.9), (10, 0.0)]));
        assert_eq!(
            said,
            [
                "21: started at 20",
                "30: lulled, audio 0..31",
                "36: paused, audio 31..37, speech ended 30",
                "61: started at 60",
                "70: lulled, audio 37..71",
                "76: paused, audio 71..77, speech ended 70"
            ]
        );
    }

    #[test]
    fn a_pause_says_how_the_voice_faded() {
        let mut segmenter = Segmenter::new(EarSettings::default());
        let activity = pattern(&[(5, 0.9), (1, 0.6), (3, 0.2), (4, 0.1)]);
        let facts: Vec<SpeechFact> = activity
            .iter()
            .enumerate()
            .filter_map(|(i, &p)| {
                let frame = AudioFrame { at: SampleIndex((i * FRAME_SAMPLES) as u64), samples: [p; FRAME_SAMPLES] };
                segmenter.push(&frame, p)
            })
            .collect();
        let Some(SpeechFact::Paused(stretch)) = facts.last() else { panic!("{facts:?}") };
        assert!((stretch.fade.last - 0.6).abs() < 1e-6 && (stretch.fade.after - 1.0 / 7.0).abs() < 1e-6, "{stretch:?}");
    }

    #[test]
    fn speech_without_a_pause_is_handed_over_in_parts() {
        let said = hear(&pattern(&[(2, 0.0), (400, 0.9), (10, 0.0)]));
        assert!(said.iter().filter(|s| s.contains("continues")).count() >= 2, "{said:?}");
    }

    #[test]
    fn a_gap_in_the_stream_discards_what_was_begun() {
        let mut segmenter = Segmenter::new(EarSettings::default());
        let frame = |i: u64| AudioFrame { at: SampleIndex(i * FRAME_SAMPLES as u64), samples: [0.5; FRAME_SAMPLES] };
        assert_eq!(segmenter.push(&frame(0), 0.9), None);
        assert!(segmenter.push(&frame(1), 0.9).is_some());
        assert_eq!(segmenter.push(&frame(9), 0.9), Some(SpeechFact::Discarded));
        assert!(segmenter.is_quiet());
    }
}
