//! The thread that shows faces. It is the only one that touches the display, so a bus that is slow or hangs delays nothing else, and
//! nobody waits for it to end.

use std::time::Duration;

use anyhow::Context as _;
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::primitives::Rectangle;
use pipit_core::config::{DisplaySettings, Rotation};
use pipit_core::face::Face;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::picture::Picture;
use super::screen::{self, Screen};

/// From one picture to the next, at least.
const APART: Duration = Duration::from_millis(100);

/// From one beat of what moves to the next.
const BEAT: Duration = Duration::from_millis(400);

/// A display that takes longer for a picture is said to hang.
const HANGS: Duration = Duration::from_secs(5);

/// A display that is not there is looked for again after so long, at first and at last.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Shows the newest of `faces` on what is configured, until nobody tells any more. A display that is not there is no error: the log
/// says so, and it is looked for again.
///
/// # Errors
/// There is no thread for it.
pub fn start(settings: DisplaySettings, faces: watch::Receiver<Face>) -> anyhow::Result<()> {
    let (busy, watched) = watch::channel(false);
    let name = settings.device.display().to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.context("the display's thread can't be prepared")?;
    let work = move || runtime.block_on(run(&settings, faces, &busy));
    std::thread::Builder::new().name("display".into()).spawn(work).context("the display's thread can't be started")?;
    tokio::spawn(watch_over(watched, move |told| log(&name, told)));
    Ok(())
}

/// What is told of a display at work.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Hangs,
    Answers,
}

fn log(name: &str, told: Told) {
    match told {
        Told::Hangs => tracing::error!(
            "the display at {name} has not answered for {} s; check its wires and start it anew. Pipit goes on without it",
            HANGS.as_secs()
        ),
        Told::Answers => tracing::info!("the display at {name} answers again"),
    }
}

/// Tells it once if the display hangs, and once if it goes on.
async fn watch_over(mut busy: watch::Receiver<bool>, tell: impl Fn(Told)) {
    while busy.wait_for(|busy| *busy).await.is_ok() {
        match timeout(HANGS, busy.wait_for(|busy| !*busy)).await {
            Ok(Ok(_)) => continue,
            Ok(Err(_)) => return,
            Err(_) => tell(Told::Hangs),
        }
        if busy.wait_for(|busy| !*busy).await.is_err() {
            return;
        }
        tell(Told::Answers);
    }
}

async fn run(settings: &DisplaySettings, mut faces: watch::Receiver<Face>, busy: &watch::Sender<bool>) {
    let (mut pause, mut told) = (AGAIN.0, String::new());
    loop {
        let opened = while_busy(busy, || screen::open(settings));
        let failed = match opened {
            Ok(mut screen) => {
                let began = Instant::now();
                match show(&mut *screen, settings.rotation, &mut faces, busy).await {
                    Ok(()) => return,
                    Err(error) => {
                        // What has worked for a while is worth looking for at once.
                        if began.elapsed() > AGAIN.1 {
                            pause = AGAIN.0;
                        }
                        error
                    }
                }
            }
            Err(error) => error,
        };
        let failed = format!("{failed:#}");
        if failed != told {
            tracing::warn!("nothing is shown: {failed}. Pipit listens without, and tries again");
            told = failed;
        }
        let until = Instant::now() + pause;
        while let Ok(changed) = tokio::time::timeout_at(until, faces.changed()).await {
            if changed.is_err() {
                return;
            }
        }
        pause = (pause * 2).min(AGAIN.1);
    }
}

/// Shows faces until nobody tells any more.
async fn show(
    screen: &mut dyn Screen,
    rotation: Rotation,
    faces: &mut watch::Receiver<Face>,
    busy: &watch::Sender<bool>,
) -> anyhow::Result<()> {
    let (size, has_colours) = screen.shape();
    let upright = match rotation {
        Rotation::None | Rotation::Half => size,
        Rotation::Quarter | Rotation::ThreeQuarters => Size::new(size.height, size.width),
    };
    let (mut picture, mut shown) = (Picture::blank(upright, has_colours), Picture::blank(size, has_colours));
    // Whatever it showed before is not known.
    let mut changed = Some(Rectangle::new(Point::zero(), size));
    let mut beat = 0;
    loop {
        let face = faces.borrow_and_update().clone();
        picture.draw(&face, beat);
        let turned = picture.turned(rotation);
        let changed = changed.take().or_else(|| turned.changed_since(&shown));
        if let Some(changed) = changed {
            while_busy(busy, || screen.show(&turned, changed))?;
            shown = turned;
        }
        let drawn = Instant::now();
        let told = tokio::select! {
            told = faces.changed() => told.is_ok(),
            () = sleep(BEAT), if face.moves() => {
                beat += 1;
                true
            }
        };
        if !told {
            // What it shows would no longer be so.
            let blank = Picture::blank(size, has_colours);
            return while_busy(busy, || screen.show(&blank, Rectangle::new(Point::zero(), size)));
        }
        sleep_until(drawn + APART).await;
    }
}

/// Does what may hang.
fn while_busy<T>(busy: &watch::Sender<bool>, work: impl FnOnce() -> T) -> T {
    busy.send_replace(true);
    let done = work();
    busy.send_replace(false);
    done
}

#[cfg(test)]
mod tests {
    use std::fs;

    use pipit_core::config::DisplayKind;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_display_that_hangs_is_told_of_once() {
        let (busy, watched) = watch::channel(false);
        let (tell, mut told) = mpsc::unbounded_channel();
        tokio::spawn(watch_over(watched, move |what| tell.send(what).unwrap()));
        let began = Instant::now();
        busy.send_replace(true);
        assert_eq!(told.recv().await, Some(Told::Hangs));
        assert_eq!(began.elapsed(), HANGS);
        busy.send_replace(false);
        assert_eq!(told.recv().await, Some(Told::Answers));
        drop(busy);
        assert_eq!(told.recv().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_display_that_was_not_there_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("later/face.png");
        let settings = DisplaySettings {
            kind: DisplayKind::Png,
            device: device.clone(),
            width: 64,
            height: 48,
            rotation: Rotation::Quarter,
            address: 0x3c,
            gpio_chip: "/dev/gpiochip0".into(),
            dc_line: None,
            reset_line: None,
            backlight_line: None,
            invert: false,
        };
        let (faces, shown) = watch::channel(Face::Thinking);
        let (busy, mut worked) = watch::channel(false);
        let looks = async {
            while !device.exists() {
                worked.changed().await.unwrap();
                let _ = fs::create_dir(folder.path().join("later"));
            }
            let mut upright = Picture::blank(Size::new(48, 64), true);
            upright.draw(&Face::Thinking, 0);
            assert!(fs::read(&device).unwrap() == upright.turned(Rotation::Quarter).png().unwrap());
            drop(faces);
        };
        tokio::join!(run(&settings, shown, &busy), looks);
        let blank = Picture::blank(Size::new(64, 48), true).png().unwrap();
        assert!(fs::read(&device).unwrap() == blank, "nothing is shown once nobody tells any more");
    }
}
