//! Buttons and switches at GPIO lines, and what they do.

use std::time::Duration;

use anyhow::Context as _;
use gpiocdev::Request;
use gpiocdev::line::{Bias, EdgeDetection, EdgeKind, Value};
use pipit_core::config::ButtonSettings;
use pipit_core::control::{Command, Origin};
use pipit_core::turn::Event;
use pipit_web::Snapshot;
use tokio::sync::{mpsc, watch};

use crate::controls::Controls;
use crate::worker::Message;

/// Contacts bounce for less.
const BOUNCE: Duration = Duration::from_millis(10);

/// By how much a press changes the volume, in percent.
const VOLUME_STEP: u8 = 10;

/// A chip that is not there is looked for again after so long, at first and at last.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Presses that may wait to be obeyed. Where there are more, the kernel keeps them.
const WAITING: usize = 16;

/// What somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// They want the microphone off, or on again.
    Mute,
    /// They begin to speak to Pipit, or end it.
    Talk(bool),
    /// They want it louder, or quieter.
    Volume(i8),
    /// The switch that takes the microphone's power is on, or off.
    MuteSwitch(bool),
}

/// What it means that the button at `line` is pressed, or no longer.
#[must_use]
pub fn touch(settings: &ButtonSettings, line: u32, pressed: bool) -> Option<Touch> {
    let is = |button: Option<u32>| button == Some(line);
    if is(settings.mute_switch) {
        return Some(Touch::MuteSwitch(pressed));
    }
    if is(settings.talk) {
        return Some(Touch::Talk(pressed));
    }
    let pressed_now = [
        (settings.mute, Touch::Mute),
        (settings.volume_up, Touch::Volume(1)),
        (settings.volume_down, Touch::Volume(-1)),
    ];
    pressed_now.into_iter().find(|(button, _)| pressed && is(*button)).map(|(_, touch)| touch)
}

/// Listens to what is configured. A chip that is not there is no error: the log says so, and it is looked for again.
///
/// # Errors
/// There is no thread for it.
pub fn start(settings: ButtonSettings) -> anyhow::Result<mpsc::Receiver<Touch>> {
    let (touched, touches) = mpsc::channel(WAITING);
    let work = move || run(&settings, &touched);
    std::thread::Builder::new()
        .name("buttons".into())
        .spawn(work)
        .context("the thread of the buttons can't be started")?;
    Ok(touches)
}

fn run(settings: &ButtonSettings, touched: &mpsc::Sender<Touch>) {
    let (mut pause, mut told) = (AGAIN.0, String::new());
    while !touched.is_closed() {
        let failed = match open(settings) {
            Ok(request) => match listen(settings, &request, touched) {
                Ok(()) => return,
                Err(error) => error,
            },
            Err(error) => error,
        };
        let failed = format!("{failed:#}");
        if failed != told {
            tracing::warn!("no button does anything: {failed}. Pipit listens without, and tries again");
            told = failed;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(AGAIN.1);
    }
}

fn open(settings: &ButtonSettings) -> anyhow::Result<Request> {
    let ButtonSettings { gpio_chip, active_low, mute, talk, volume_up, volume_down, mute_switch } = settings;
    let lines: Vec<u32> = [mute, talk, volume_up, volume_down, mute_switch].into_iter().copied().flatten().collect();
    let mut wanted = Request::builder();
    let wanted = wanted.on_chip(gpio_chip).with_consumer("pipit").with_lines(&lines).as_input();
    let wanted =
        if *active_low { wanted.as_active_low().with_bias(Bias::PullUp) } else { wanted.with_bias(Bias::PullDown) };
    let wanted = wanted.with_edge_detection(EdgeDetection::BothEdges).with_debounce_period(BOUNCE);
    wanted.request().with_context(|| {
        format!(
            "lines {lines:?} of {} can't be used; see that no other program or overlay has them (gpioinfo), that \
             board.gpio_chip is the right one, and that Pipit's user is in the group gpio",
            gpio_chip.display()
        )
    })
}

/// Tells what is touched until nobody listens any more, and first how the switch is.
fn listen(settings: &ButtonSettings, request: &Request, touched: &mpsc::Sender<Touch>) -> anyhow::Result<()> {
    if let Some(line) = settings.mute_switch {
        let on = request.value(line).context("the switch can't be read")? == Value::Active;
        if touched.blocking_send(Touch::MuteSwitch(on)).is_err() {
            return Ok(());
        }
    }
    loop {
        let event = request.read_edge_event().context("the buttons can't be read")?;
        let touch = touch(settings, event.offset, event.kind == EdgeKind::Rising);
        if let Some(touch) = touch
            && touched.blocking_send(touch).is_err()
        {
            return Ok(());
        }
    }
}

/// Does what was touched, until nothing can be any more.
pub async fn obey(controls: Controls, mut snapshots: watch::Receiver<Snapshot>, mut touches: mpsc::Receiver<Touch>) {
    // How the switch is, once that is known.
    let mut switch = None;
    loop {
        let now = snapshots.borrow_and_update().clone();
        // Whatever somebody chose elsewhere: without power it hears nothing, and must not say otherwise.
        if switch == Some(true) && !now.muted {
            command(&controls, Command::Mute(true)).await;
        }
        let touch = tokio::select! {
            touch = touches.recv() => touch,
            told = snapshots.changed() => {
                if told.is_err() {
                    return;
                }
                continue;
            }
        };
        let Some(touch) = touch else { return };
        // It may have changed since.
        let now = snapshots.borrow().clone();
        carry_out(&controls, touch, &now, &mut switch).await;
    }
}

async fn carry_out(controls: &Controls, touch: Touch, now: &Snapshot, switch: &mut Option<bool>) {
    match touch {
        Touch::Talk(pressed) => {
            let event = if pressed { Event::ButtonPressed } else { Event::ButtonReleased };
            // The inbox closes only when everything is shutting down.
            let _ = controls.inbox().send(Message::Event(event)).await;
        }
        Touch::Mute => command(controls, Command::Mute(!now.muted)).await,
        Touch::Volume(steps) => {
            let step = steps * VOLUME_STEP.cast_signed();
            let volume = now.volume.saturating_add_signed(step).min(100);
            command(controls, Command::SetVolume(volume)).await;
        }
        // A switch that is off at the start has not been switched: what was chosen before holds.
        Touch::MuteSwitch(on) => {
            let before = switch.replace(on);
            if on || before == Some(true) {
                command(controls, Command::Mute(on)).await;
            }
        }
    }
}

async fn command(controls: &Controls, command: Command) {
    if let Err(error) = controls.carry_out(command, Origin::Home).await {
        tracing::warn!("a button did not do all that it is for: {error:#}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_does_what_its_key_says() {
        let settings = ButtonSettings {
            gpio_chip: "/dev/gpiochip0".into(),
            active_low: true,
            mute: Some(5),
            talk: Some(17),
            volume_up: Some(6),
            volume_down: None,
            mute_switch: Some(0),
        };
        let table = [
            (5, true, Some(Touch::Mute)),
            (5, false, None),
            (17, true, Some(Touch::Talk(true))),
            (17, false, Some(Touch::Talk(false))),
            (6, true, Some(Touch::Volume(1))),
            (6, false, None),
            (0, true, Some(Touch::MuteSwitch(true))),
            (0, false, Some(Touch::MuteSwitch(false))),
            (9, true, None),
        ];
        for (line, pressed, expected) in table {
            assert_eq!(touch(&settings, line, pressed), expected, "line {line}, {pressed}");
        }
    }
}
