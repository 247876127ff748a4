//! Somebody who speaks from elsewhere, with the real models.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use pipit::app::App;
use pipit::remote;
use pipit_core::audio::Pcm;
use pipit_core::config::{Defaults, Layers, Text, load};
use pipit_web::voice::{Given, Told, Voice};
use support::Home;
use support::recording::{TWELVE_TIMES_SEVEN, WHAT_TIME_IS_IT, samples};

/// Far beyond what anything here takes, so that only what never happens fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn app(home: &Home) -> Arc<App> {
    let content = home.usual_config();
    let layers = Layers {
        defaults: Defaults { state_dir: home.path("state") },
        file: Some(Text { name: "pipit.toml", content: &content }),
        panel: None,
        environment: Vec::new(),
        flags: &[],
    };
    Arc::new(App::new(load(layers).unwrap()).unwrap())
}

/// Speaks as somebody does who holds a button, at the pace of speech.
async fn says(voice: &Voice, samples: &[f32]) {
    (voice.give)(Given::Pressed);
    for piece in samples.chunks(1_600) {
        (voice.give)(Given::Sound(piece.to_vec()));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (voice.give)(Given::Released);
}

async fn next(voice: &mut Voice) -> Told {
    tokio::time::timeout(PATIENCE, voice.told.recv()).await.expect("something is told").expect("the place is there")
}

/// What is understood and answered, and the sound of it.
async fn turn(voice: &mut Voice) -> (String, String, Vec<Pcm>) {
    let (mut sound, mut heard, mut understood, mut said) = (Vec::new(), String::new(), String::new(), false);
    loop {
        match next(voice).await {
            Told::Clause(pcm) => sound.push(pcm),
            // The words come before the end of the turn, for whoever reads along, and those that hardly change while they are said.
            Told::Hearing(words) => heard = words,
            Told::Understood(words) => {
                assert!(words.starts_with(&heard), "{heard:?} became {words:?}");
                understood = words;
            }
            Told::Saying(words) => said |= !words.is_empty(),
            Told::Turn { transcript, reply, .. } => {
                assert_eq!((understood, said), (transcript.clone(), !sound.is_empty()));
                return (transcript, reply, sound);
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_elsewhere_speak_at_once_and_each_is_answered() {
    let home = Home::new();
    let app = app(&home);
    let (models, loading) = app.models(false, &app.as_configured()).unwrap();
    loading.wait().await.unwrap();
    let open = remote::opener(&app, &models, tokio::runtime::Handle::current());
    let (mut one, mut other) = (open(app.store().clone(), false).unwrap(), open(app.store().clone(), false).unwrap());
    let (words, sum) = (samples(WHAT_TIME_IS_IT), samples(TWELVE_TIMES_SEVEN));
    tokio::join!(says(&one, &words), says(&other, &sum));
    let (time, seven) = tokio::join!(turn(&mut one), turn(&mut other));
    assert_eq!(time.0, "what time is it");
    assert!(time.1.starts_with("It's ") && !time.2.is_empty(), "{time:?}");
    assert!(seven.1.contains("84") && !seven.2.is_empty(), "{seven:?}");
    // Who speaks without the button is not heard.
    for piece in words.chunks(1_600) {
        (one.give)(Given::Sound(piece.to_vec()));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    says(&one, &sum).await;
    assert!(turn(&mut one).await.1.contains("84"));
    // A place ends with its connection, and nothing is left of it.
    for Voice { give, mut told } in [one, other] {
        drop(give);
        while tokio::time::timeout(PATIENCE, told.recv()).await.expect("it ends").is_some() {}
    }
    let models = Arc::into_inner(models);
    assert!(models.is_some(), "only this test holds the models");
}
