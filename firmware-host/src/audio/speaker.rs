//! The machine's speaker: clauses through a ring to rodio's mixer, and what happens when the device goes.
//!
//! The mixer's end of the ring is in `feed`. From the samples that it counts the thread on this side knows which clause
//! sounds and how much of it was heard.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use cpal::{BufferSize, SupportedBufferSize, SupportedStreamConfig};
use pipit_core::audio::{Hertz, Pcm, duration_of, samples_in};
use rodio::{DeviceSinkBuilder, DeviceSinkError, MixerDeviceSink};

use super::device::{self, Found, Side};
use super::echo::{EchoTaps, echo_path};
use super::feed::{Feed, Tape};
use super::keeper::{Health, Keeper};
use super::playback::{ClauseId, Dials, Order, OrderBook, Playback, PlaybackReport, ReportSink};
use super::resample;

/// What the device takes at a time; cpal makes its buffer twice that. It bounds how long a stop takes to be heard, and
/// how long a busy machine may keep cpal's thread waiting. Sound servers may take 50 ms at a time.
const PERIOD: Duration = Duration::from_millis(20);
/// What the ring holds: so long may this thread be kept waiting by a busy machine.
const RING: Duration = Duration::from_secs(1);
/// How often the ring is filled up and progress looked at while something plays.
const LOOK: Duration = Duration::from_millis(10);
/// A room's echo has died away by then.
const ROOM_ECHO: Duration = Duration::from_millis(250);
/// A device that takes nothing for so long has stalled.
const STALL: Duration = Duration::from_secs(2);
/// So long may it take to answer a stop, which it does at the next of its periods.
const ANSWER: Duration = Duration::from_millis(500);
/// How long the first clause waits for a device that is still being opened.
const OPENING: Duration = Duration::from_secs(3);
/// The device is closed when nothing has sounded for so long: an open one costs as much as listening does.
const REST: Duration = Duration::from_secs(5);

/// Opens the speaker called `wanted`: `default`, an id, or part of a name. That it is not there is reported, no error.
pub(super) fn open(wanted: &str, reports: ReportSink) -> Result<Playback> {
    let orders = OrderBook::new();
    let (tell, news) = mpsc::sync_channel(1);
    let (wanted, book) = (wanted.to_owned(), Arc::clone(&orders));
    let (taps, echo) = echo_path();
    // The thread may end without waiting for a sound server that hangs on closing.
    let playback = Playback::spawn_with(orders, false, move |orders, dials| {
        let look = Arc::clone(&book);
        let shared = Shared { volume: Arc::clone(&dials.volume), orders: book, taps };
        let name = wanted.clone();
        let keeper = Keeper::spawn(
            "speaker",
            move || open_any(&name, &shared),
            move |outcome| {
                let heard = tell.send(outcome).is_ok();
                look.push_look();
                heard
            },
        );
        match keeper {
            Ok(keeper) => Speaker::new(keeper, news, reports, dials).run(orders),
            Err(error) => reports(PlaybackReport::Failed(format!("{error:#}"))),
        }
    })?;
    Ok(playback.with_echo(echo))
}

/// What the playback thread knows.
struct Speaker {
    keeper: Keeper,
    news: Receiver<Result<Line>>,
    reports: ReportSink,
    dials: Dials,
    line: Option<Line>,
    /// Until when clauses wait for the first attempt to open the device.
    opening_until: Instant,
    told_lost: bool,
    /// The device's name, once told, until it is lost.
    told_found: Option<String>,
    /// The device is closed because nothing is to be said.
    resting: bool,
    /// When the device was last needed.
    needed: Instant,
    /// The clause that is being moved into the ring: its samples, and how many are in.
    moving: Option<(Vec<f32>, usize)>,
    /// The clauses from the one that sounds to the one that is being moved.
    spans: VecDeque<Span>,
    /// When the room is quiet again after the last sample.
    quiet_at: Option<Instant>,
}

/// Where a clause lies among the samples of the line.
struct Span {
    id: ClauseId,
    start: u64,
    end: u64,
    started: bool,
}

impl Speaker {
    fn new(keeper: Keeper, news: Receiver<Result<Line>>, reports: ReportSink, dials: Dials) -> Self {
        Speaker {
            keeper,
            news,
            reports,
            dials,
            line: None,
            opening_until: Instant::now() + OPENING,
            told_lost: false,
            told_found: None,
            resting: false,
            needed: Instant::now(),
            moving: None,
            spans: VecDeque::new(),
            quiet_at: None,
        }
    }

    fn run(mut self, orders: &OrderBook) {
        loop {
            self.look_at_device();
            self.fill();
            self.report_progress();
            self.watch_silence();
            self.rest_if_idle();
            match orders.next(self.has_room(), self.next_look()) {
                Some(Order::Prepare) => self.wake(),
                Some(Order::Pause) => self.hold(true),
                Some(Order::Resume) => self.hold(false),
                Some(Order::Play(id, pcm)) => self.begin(id, &pcm),
                Some(Order::Stop) => self.stop(),
                Some(Order::EndOfTurn(_) | Order::Look) | None => {}
                Some(Order::Leave) => {
                    self.fade_out();
                    self.dials.sounding.store(false, Ordering::Release);
                    return;
                }
            }
        }
    }

    /// Whether the next clause can be taken: the one before it is in the ring, or there is nothing to wait for.
    fn has_room(&self) -> bool {
        match &self.line {
            Some(_) => self.moving.is_none(),
            None => self.told_lost || Instant::now() >= self.opening_until,
        }
    }

    fn next_look(&self) -> Option<Instant> {
        if !self.spans.is_empty() {
            return Some(Instant::now() + LOOK);
        }
        let device = match &self.line {
            Some(line) => Some((line.clock.1 + STALL).min(self.needed + REST)),
            None => (!self.told_lost && !self.resting).then_some(self.opening_until),
        };
        device.into_iter().chain(self.quiet_at).min()
    }

    fn begin(&mut self, id: ClauseId, pcm: &Pcm) {
        let Some(line) = &self.line else {
            (self.reports)(PlaybackReport::Stopped { cut: None });
            return;
        };
        match resample(pcm.samples(), pcm.rate(), line.rate) {
            Ok(samples) => {
                let start = self.spans.back().map_or_else(|| line.taken(), |span| span.end);
                self.spans.push_back(Span { id, start, end: start + samples.len() as u64, started: false });
                self.moving = Some((samples, 0));
                self.quiet_at = None;
                self.dials.sounding.store(true, Ordering::Release);
            }
            Err(error) => {
                (self.reports)(PlaybackReport::Failed(format!("{error:#}")));
                (self.reports)(PlaybackReport::Stopped { cut: None });
            }
        }
    }

    /// Moves as much as fits into the ring.
    fn fill(&mut self) {
        let (Some(line), Some((samples, moved))) = (&mut self.line, &mut self.moving) else { return };
        let (pushed, _) = line.ring.push_partial_slice(&samples[*moved..]);
        *moved += pushed.len();
        if *moved == samples.len() {
            self.moving = None;
        }
    }

    fn report_progress(&mut self) {
        let Some(line) = &mut self.line else { return };
        let taken = line.taken();
        while let Some(span) = self.spans.front_mut() {
            let over = taken >= span.end;
            if !span.started && (over || taken > span.start) {
                span.started = true;
                (self.reports)(PlaybackReport::Started(span.id));
            }
            if !over {
                break;
            }
            (self.reports)(PlaybackReport::Played(span.id));
            self.spans.pop_front();
            self.quiet_at = Some(Instant::now() + PERIOD * 2 + ROOM_ECHO);
        }
        let clock = line.tape.clock();
        if line.clock.0 != clock {
            line.clock = (clock, Instant::now());
        } else if line.clock.1.elapsed() >= STALL {
            let why = device::has_stalled(Side::Output, &line.name);
            self.lose(why);
        }
    }

    fn watch_silence(&mut self) {
        if self.spans.is_empty() && self.quiet_at.is_some_and(|quiet| Instant::now() >= quiet) {
            self.quiet_at = None;
            self.dials.sounding.store(false, Ordering::Release);
        }
    }

    /// Has what plays wait, or go on.
    fn hold(&self, held: bool) {
        if let Some(line) = &self.line
            && (!held || !self.spans.is_empty())
        {
            line.tape.hold(held);
        }
    }

    /// Closes a device that has had nothing to play for a while.
    fn rest_if_idle(&mut self) {
        if !self.spans.is_empty() || self.moving.is_some() || self.quiet_at.is_some() {
            self.needed = Instant::now();
        } else if self.line.is_some() && self.needed.elapsed() >= REST {
            self.line = None;
            self.resting = true;
            self.keeper.rest();
        }
    }

    /// Has a device at rest opened again.
    fn wake(&mut self) {
        self.needed = Instant::now();
        if std::mem::replace(&mut self.resting, false) {
            self.opening_until = self.needed + OPENING;
            self.keeper.wake();
        }
    }

    fn stop(&mut self) {
        let sounding = !self.spans.is_empty();
        self.fade_out();
        self.report_progress();
        // Where the device was lost in the middle of it, that has been reported as the stop already.
        if !sounding || self.line.is_some() {
            self.drop_clauses(true);
        }
    }

    /// Has the source fade out and empty the ring, and waits until it has. A device that does not answer is lost.
    fn fade_out(&mut self) {
        let Some(line) = &mut self.line else { return };
        if self.spans.is_empty() {
            return;
        }
        line.tape.ask_to_cut();
        let patience = Instant::now() + ANSWER;
        while line.tape.is_cutting() {
            if line.health.failure().is_some() || Instant::now() >= patience {
                let why = device::has_stalled(Side::Output, &line.name);
                self.lose(why);
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Forgets every clause, and reports it if there was one or if it was asked for.
    fn drop_clauses(&mut self, asked_for: bool) {
        let had_some = !self.spans.is_empty();
        let cut = match (&self.line, self.spans.front()) {
            (Some(line), Some(span)) if span.started => {
                let heard = line.taken().saturating_sub(span.start) as usize;
                Some((span.id, duration_of(heard, line.rate)))
            }
            _ => None,
        };
        self.spans.clear();
        self.moving = None;
        if had_some {
            self.quiet_at = Some(Instant::now() + PERIOD * 2 + ROOM_ECHO);
        }
        if had_some || asked_for {
            (self.reports)(PlaybackReport::Stopped { cut });
        }
    }

    fn look_at_device(&mut self) {
        while let Ok(news) = self.news.try_recv() {
            match news {
                Ok(line) => {
                    self.told_lost = false;
                    self.needed = Instant::now();
                    if self.told_found.as_ref() != Some(&line.name) {
                        self.told_found = Some(line.name.clone());
                        (self.reports)(PlaybackReport::SpeakerFound(line.name.clone()));
                    }
                    self.line = Some(line);
                }
                Err(error) => self.tell_lost(format!("{error:#}")),
            }
        }
        let gone = self
            .line
            .as_ref()
            .and_then(|line| line.health.failure().map(|error| device::has_gone(Side::Output, &line.name, error)));
        if let Some(why) = gone {
            self.lose(why);
        }
        if self.line.is_none() && !self.resting && Instant::now() >= self.opening_until {
            self.tell_lost("the sound system does not answer: start the sound server again, or the machine".to_owned());
        }
    }

    fn lose(&mut self, why: String) {
        self.tell_lost(why);
        self.drop_clauses(false);
        self.line = None;
        self.keeper.reopen();
    }

    fn tell_lost(&mut self, why: String) {
        self.told_found = None;
        if !std::mem::replace(&mut self.told_lost, true) {
            (self.reports)(PlaybackReport::SpeakerLost(why));
        }
    }
}

/// What every stream is opened with.
struct Shared {
    volume: Arc<AtomicU8>,
    orders: Arc<OrderBook>,
    taps: EchoTaps,
}

/// The playback thread's end of an open device.
struct Line {
    name: String,
    rate: Hertz,
    ring: rtrb::Producer<f32>,
    tape: Arc<Tape>,
    health: Arc<Health>,
    /// The device's clock when last looked at, and since when it shows that.
    clock: (u64, Instant),
}

impl Line {
    fn taken(&self) -> u64 {
        self.tape.taken()
    }
}

/// Opens the speaker called `wanted`, on the keeper's thread.
fn open_any(wanted: &str, shared: &Shared) -> Result<(MixerDeviceSink, Line)> {
    device::quiet();
    let mut first_error = None;
    for found in device::candidates(wanted, Side::Output)? {
        match open_device(&found, shared) {
            Ok(opened) => return Ok(opened),
            Err(error) => {
                let said = device::cannot_open(Side::Output, &found.name, &error);
                first_error.get_or_insert(said);
            }
        }
    }
    Err(anyhow!(first_error.unwrap_or_else(|| format!("no speaker called \"{wanted}\" is there"))))
}

fn open_device(found: &Found, shared: &Shared) -> Result<(MixerDeviceSink, Line), cpal::Error> {
    let formats = device::formats(&found.device, Side::Output)?;
    let mut outcome = Err(cpal::Error::new(cpal::ErrorKind::UnsupportedConfig));
    // A device that refuses a few formats which it has listed refuses them all.
    for format in formats.iter().take(4) {
        outcome = open_format(found, format, shared);
        match &outcome {
            Err(error) if error.kind() == cpal::ErrorKind::UnsupportedConfig => {}
            _ => break,
        }
    }
    outcome
}

fn open_format(
    found: &Found,
    format: &SupportedStreamConfig,
    shared: &Shared,
) -> Result<(MixerDeviceSink, Line), cpal::Error> {
    let rate = Hertz(format.sample_rate());
    let mut period = samples_in(PERIOD, rate) as u32;
    if let SupportedBufferSize::Range { min, max } = format.buffer_size() {
        period = period.clamp(*min, *max);
    }
    let book = Arc::clone(&shared.orders);
    let health = Health::new(move || book.push_look());
    let errors = Arc::clone(&health);
    let mut sink = DeviceSinkBuilder::default()
        .with_device(found.device.clone())
        .with_supported_config(format)
        .with_buffer_size(BufferSize::Fixed(period))
        .with_error_callback(move |error| errors.error(error))
        .open_stream()
        .map_err(into_cpal)?;
    sink.log_on_drop(false);
    let tape = Arc::new(Tape::default());
    let (ring, samples) = rtrb::RingBuffer::new(samples_in(RING, rate));
    let rate_in_mixer = sink.config().sample_rate();
    let (echo, opened) = shared.taps.tap(Hertz(rate_in_mixer.get()));
    let volume = Arc::clone(&shared.volume);
    sink.mixer().add(Feed::new(samples, Arc::clone(&tape), Arc::clone(&health), volume, echo, rate_in_mixer));
    // A device that opens and then takes nothing is of no use; it must not swallow a clause to find that out.
    let patience = Instant::now() + STALL;
    while tape.clock() <= u64::from(period) * 2 {
        if Instant::now() >= patience {
            return Err(cpal::Error::with_message(cpal::ErrorKind::Other, "it takes no sound"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    opened();
    let line = Line { name: found.name.clone(), rate, ring, tape, health, clock: (0, Instant::now()) };
    Ok((sink, line))
}

fn into_cpal(error: DeviceSinkError) -> cpal::Error {
    match error {
        DeviceSinkError::PlayError(error)
        | DeviceSinkError::DefaultSinkConfigError(error)
        | DeviceSinkError::BuildError(error)
        | DeviceSinkError::SupportedConfigsError(error) => error,
        DeviceSinkError::UnsupportedSampleFormat => cpal::ErrorKind::UnsupportedConfig.into(),
        other @ DeviceSinkError::NoDevice => {
            cpal::Error::with_message(cpal::ErrorKind::DeviceNotAvailable, other.to_string())
        }
    }
}
