//! A recording in place of the microphone, and WAV files in place of the speaker.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use pipit_core::audio::{AudioFrame, FRAME_SAMPLES, Hertz, LISTENING_RATE, Pcm, SampleIndex, duration_of, samples_in};

use super::playback::{ClauseId, Order, Playback, PlaybackReport, ReportSink};
use super::{Capture, CaptureStep, Pace, resample};

/// Gives a recording as a microphone would, then silence, then [`CaptureStep::End`].
pub struct ClipFeed {
    /// At [`LISTENING_RATE`].
    samples: Vec<f32>,
    at: usize,
    end: usize,
    metronome: Option<Metronome>,
}

impl ClipFeed {
    /// Feeds `clip`, at any rate, followed by `trailing_silence` and by what fills the last frame.
    ///
    /// # Errors
    ///
    /// A clip whose rate is zero.
    pub fn new(clip: &Pcm, pace: Pace, trailing_silence: Duration) -> Result<Self> {
        let samples = resample(clip.samples(), clip.rate(), LISTENING_RATE)?;
        let end = samples.len() + samples_in(trailing_silence, LISTENING_RATE);
        let metronome = (pace == Pace::RealTime).then(|| Metronome::new(duration_of(FRAME_SAMPLES, LISTENING_RATE)));
        Ok(ClipFeed { samples, at: 0, end, metronome })
    }
}

impl Capture for ClipFeed {
    fn next_frame(&mut self, timeout: Duration) -> CaptureStep {
        if self.at >= self.end {
            return CaptureStep::End;
        }
        if !self.metronome.as_mut().is_none_or(|metronome| metronome.wait(timeout)) {
            return CaptureStep::TimedOut;
        }
        let mut frame = AudioFrame { at: SampleIndex(self.at as u64), samples: [0.0; FRAME_SAMPLES] };
        let left = self.samples.get(self.at..).unwrap_or_default();
        let n = left.len().min(FRAME_SAMPLES);
        frame.samples[..n].copy_from_slice(&left[..n]);
        self.at += FRAME_SAMPLES;
        CaptureStep::Frame(frame)
    }
}

/// Beats at a fixed interval, counted from its first use; late beats follow one another at once.
pub(super) struct Metronome {
    interval: Duration,
    next: Option<Instant>,
}

impl Metronome {
    pub(super) fn new(interval: Duration) -> Self {
        Metronome { interval, next: None }
    }

    /// Waits for the next beat, or for `timeout` if that is sooner; says whether the beat came.
    pub(super) fn wait(&mut self, timeout: Duration) -> bool {
        let now = Instant::now();
        let due = *self.next.get_or_insert(now + self.interval);
        let left = due.saturating_duration_since(now);
        thread::sleep(left.min(timeout));
        if left > timeout {
            return false;
        }
        self.next = Some(due + self.interval);
        true
    }
}

/// Opens a speaker that writes each turn's reply as `reply-<turn>.wav` into `folder`, which is made if it is missing.
///
/// A file appears under its name once it is complete, when the turn ends or is stopped.
pub(super) fn open(folder: &str, reports: ReportSink) -> Result<Playback> {
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder).with_context(|| {
        format!("cannot make the folder {} for the replies: choose one that can be written to", folder.display())
    })?;
    let mut writer = ReplyWriter { folder, reports, current: None, failed: None };
    Playback::spawn(true, move |orders, _| {
        while let Some(order) = orders.next(true, None) {
            match order {
                Order::Play(id, pcm) => writer.play(id, &pcm),
                Order::EndOfTurn(turn) if writer.is_writing(turn) => writer.finish(),
                Order::Stop => {
                    writer.finish();
                    (writer.reports)(PlaybackReport::Stopped { cut: None });
                }
                Order::EndOfTurn(_) | Order::Prepare | Order::Pause | Order::Resume | Order::Look => {}
                Order::Leave => {
                    writer.finish();
                    return;
                }
            }
        }
    })
}

/// Writes one reply after the other.
struct ReplyWriter {
    folder: PathBuf,
    reports: ReportSink,
    current: Option<ReplyFile>,
    /// The turn whose file failed, so that the failure is told once and not for each clause.
    failed: Option<u64>,
}

impl ReplyWriter {
    fn play(&mut self, id: ClauseId, pcm: &Pcm) {
        if !self.is_writing(id.turn) {
            self.finish();
        }
        if self.failed == Some(id.turn) {
            (self.reports)(PlaybackReport::Stopped { cut: None });
            return;
        }
        match self.append(id.turn, pcm) {
            Ok(()) => {
                (self.reports)(PlaybackReport::Started(id));
                (self.reports)(PlaybackReport::Played(id));
            }
            Err(error) => {
                self.fail(id.turn, &error);
                (self.reports)(PlaybackReport::Stopped { cut: None });
            }
        }
    }

    fn append(&mut self, turn: u64, pcm: &Pcm) -> Result<()> {
        let file = match &mut self.current {
            Some(file) => file,
            None => self.current.insert(ReplyFile::create(&self.folder, turn, pcm.rate())?),
        };
        file.append(pcm)
    }

    fn is_writing(&self, turn: u64) -> bool {
        self.current.as_ref().is_some_and(|file| file.turn == turn)
    }

    fn finish(&mut self) {
        let Some(file) = self.current.take() else { return };
        let turn = file.turn;
        match file.finish() {
            Ok(file) => (self.reports)(PlaybackReport::Written { turn, file }),
            Err(error) => self.fail(turn, &error),
        }
    }

    fn fail(&mut self, turn: u64, error: &anyhow::Error) {
        if let Some(file) = self.current.take() {
            // The disk may be full: what is left of the reply only takes up room.
            let _ = fs::remove_file(&file.partial);
        }
        self.failed = Some(turn);
        (self.reports)(PlaybackReport::Failed(format!("{error:#}")));
    }
}

/// A reply on its way to disk, under a name that says that it is not complete.
struct ReplyFile {
    turn: u64,
    rate: Hertz,
    partial: PathBuf,
    complete: PathBuf,
    wav: hound::WavWriter<BufWriter<File>>,
}

impl ReplyFile {
    fn create(folder: &Path, turn: u64, rate: Hertz) -> Result<Self> {
        let complete = folder.join(format!("reply-{turn:03}.wav"));
        let partial = folder.join(format!(".reply-{turn:03}.wav.partial"));
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: rate.0,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let wav = hound::WavWriter::create(&partial, spec).with_context(|| unwritable(&complete))?;
        Ok(ReplyFile { turn, rate, partial, complete, wav })
    }

    fn append(&mut self, pcm: &Pcm) -> Result<()> {
        let write = |wav: &mut hound::WavWriter<_>, samples: &[f32]| -> Result<(), hound::Error> {
            for &sample in samples {
                wav.write_sample((sample * 32_767.0).round().clamp(-32_768.0, 32_767.0) as i16)?;
            }
            Ok(())
        };
        let written = if pcm.rate() == self.rate {
            write(&mut self.wav, pcm.samples())
        } else {
            write(&mut self.wav, &resample(pcm.samples(), pcm.rate(), self.rate)?)
        };
        written.and_then(|()| self.wav.flush()).with_context(|| unwritable(&self.complete))
    }

    fn finish(self) -> Result<PathBuf> {
        let complete = self.wav.finalize().map_err(anyhow::Error::from);
        let renamed = complete.and_then(|()| Ok(fs::rename(&self.partial, &self.complete)?));
        if renamed.is_err() {
            let _ = fs::remove_file(&self.partial);
        }
        renamed.with_context(|| unwritable(&self.complete))?;
        Ok(self.complete)
    }
}

fn unwritable(file: &Path) -> String {
    format!("the reply cannot be written to {}: free some space there, or choose another folder", file.display())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn id(turn: u64, clause: usize) -> ClauseId {
        ClauseId { turn, revision: 1, clause }
    }

    fn opened(folder: &Path) -> (Playback, mpsc::Receiver<PlaybackReport>) {
        let (send, reports) = mpsc::channel();
        (open(folder.to_str().unwrap(), Box::new(move |report| drop(send.send(report)))).unwrap(), reports)
    }

    fn until(reports: &mpsc::Receiver<PlaybackReport>, wanted: &PlaybackReport) -> Vec<PlaybackReport> {
        let mut seen = Vec::new();
        while seen.last() != Some(wanted) {
            seen.push(reports.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{wanted:?} after {seen:?}")));
        }
        seen
    }

    fn clause(level: f32, samples: usize) -> Pcm {
        Pcm::new(vec![level; samples], Hertz(22_050))
    }

    fn samples(file: &Path) -> (u32, Vec<i16>) {
        let mut wav = hound::WavReader::open(file).unwrap();
        (wav.spec().sample_rate, wav.samples::<i16>().map(Result::unwrap).collect())
    }

    #[test]
    fn a_reply_is_one_file_that_appears_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("made/on/the/way");
        let (playback, reports) = opened(&target);
        playback.play(id(7, 0), clause(0.5, 100)).unwrap();
        playback.play(id(7, 1), Pcm::new(vec![-2.0; 200], Hertz(22_050))).unwrap();
        until(&reports, &PlaybackReport::Played(id(7, 1)));
        let file = target.join("reply-007.wav");
        assert!(!file.exists(), "the file is there before it is complete");
        playback.end_of_turn(7);
        until(&reports, &PlaybackReport::Written { turn: 7, file: file.clone() });
        let (rate, got) = samples(&file);
        assert_eq!((rate, got.len()), (22_050, 300));
        assert!(got[..100].iter().all(|&s| s == 16_384) && got[100..].iter().all(|&s| s == -32_768));
        assert_eq!(fs::read_dir(&target).unwrap().count(), 1, "nothing else is left in the folder");
    }

    #[test]
    fn a_reply_stopped_half_way_and_one_left_at_the_end_are_whole_files() {
        let folder = tempfile::tempdir().unwrap();
        let (playback, reports) = opened(folder.path());
        playback.play(id(1, 0), clause(0.1, 50)).unwrap();
        until(&reports, &PlaybackReport::Played(id(1, 0)));
        playback.stop();
        let seen = until(&reports, &PlaybackReport::Stopped { cut: None });
        assert!(matches!(&seen[0], PlaybackReport::Written { turn: 1, .. }));
        assert_eq!(samples(&folder.path().join("reply-001.wav")).1.len(), 50);
        playback.play(id(2, 0), clause(0.1, 60)).unwrap();
        until(&reports, &PlaybackReport::Played(id(2, 0)));
        drop(playback);
        assert_eq!(samples(&folder.path().join("reply-002.wav")).1.len(), 60);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_fails_in_words_once_per_turn() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let sink: ReportSink = Box::new(|_| {});
        let refused = open(folder.path().join("file/replies").to_str().unwrap(), sink).err().unwrap().to_string();
        assert!(refused.contains("choose one that can be written to"), "{refused}");

        let target = folder.path().join("replies");
        let (playback, reports) = opened(&target);
        fs::remove_dir(&target).unwrap();
        playback.play(id(1, 0), clause(0.1, 50)).unwrap();
        playback.play(id(1, 1), clause(0.1, 50)).unwrap();
        playback.end_of_turn(1);
        let PlaybackReport::Failed(why) = reports.recv_timeout(PATIENCE).unwrap() else { panic!() };
        assert!(why.contains("reply-001.wav") && why.contains("choose another folder"), "{why}");
        assert_eq!(reports.recv_timeout(PATIENCE).unwrap(), PlaybackReport::Stopped { cut: None });
        assert_eq!(reports.recv_timeout(PATIENCE).unwrap(), PlaybackReport::Stopped { cut: None });
        fs::create_dir(&target).unwrap();
        playback.play(id(2, 0), clause(0.1, 50)).unwrap();
        assert_eq!(reports.recv_timeout(PATIENCE).unwrap(), PlaybackReport::Started(id(2, 0)));
    }

    #[test]
    fn a_clip_comes_as_frames_at_the_listening_rate_then_silence_then_the_end() {
        let clip = Pcm::new(vec![0.25; 48_000 / 10], Hertz(48_000));
        let mut feed = ClipFeed::new(&clip, Pace::AsFastAsRead, Duration::from_millis(100)).unwrap();
        let mut heard = Vec::new();
        loop {
            match feed.next_frame(Duration::ZERO) {
                CaptureStep::Frame(frame) => {
                    assert_eq!(frame.at, SampleIndex(heard.len() as u64));
                    heard.extend(frame.samples);
                }
                CaptureStep::End => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(heard.len(), 3_200_usize.next_multiple_of(FRAME_SAMPLES));
        assert!(heard[400..1_200].iter().all(|s| (s - 0.25).abs() < 0.01));
        assert!(heard[1_600..].iter().all(|&s| s == 0.0));
        assert_eq!(feed.next_frame(Duration::ZERO), CaptureStep::End);
    }

    #[test]
    fn real_time_is_kept() {
        let clip = Pcm::new(vec![0.0; FRAME_SAMPLES * 3], LISTENING_RATE);
        let mut feed = ClipFeed::new(&clip, Pace::RealTime, Duration::ZERO).unwrap();
        let begun = Instant::now();
        assert_eq!(feed.next_frame(Duration::from_millis(1)), CaptureStep::TimedOut);
        while feed.next_frame(PATIENCE) != CaptureStep::End {}
        assert!(begun.elapsed() >= Duration::from_millis(3 * 32));
    }
}
