use super::{quiet, transcript};
use crate::intent::Surroundings;
use expect_test::expect;

#[test]
fn the_volume() {
    let said = transcript(
        &quiet(),
        &[
            "volume up",
            "volume down",
            "turn it up",
            "turn the volume down",
            "turn up the volume",
            "turn it down a bit",
            "turn the volume up by twenty percent",
            "turn the volume down by 5",
            "increase the volume",
            "lower your volume please",
            "louder",
            "quieter please",
            "a bit louder",
            "speak up",
            "set the volume to thirty percent",
            "set volume to 90%",
            "set the volume to seven",
            "volume fifty",
            "turn up the volume to 90",
            "increase the volume to 90 percent",
            "turn the volume to max",
            "set the volume to half",
            "full volume",
            "set the volume to two hundred",
            "mute",
            "mute the speakers",
            "unmute",
            "what's the volume",
            "how loud are you",
        ],
    );
    expect![[r#"
        volume up -> HassSetVolumeRelative: Volume at 50 percent. [volume 50]
        volume down -> HassSetVolumeRelative: Volume at 30 percent. [volume 30]
        turn it up -> HassSetVolumeRelative: Volume at 50 percent. [volume 50]
        turn the volume down -> HassSetVolumeRelative: Volume at 30 percent. [volume 30]
        turn up the volume -> HassSetVolumeRelative: Volume at 50 percent. [volume 50]
        turn it down a bit -> HassSetVolumeRelative: Volume at 35 percent. [volume 35]
        turn the volume up by twenty percent -> HassSetVolumeRelative: Volume at 60 percent. [volume 60]
        turn the volume down by 5 -> HassSetVolumeRelative: Volume at 35 percent. [volume 35]
        increase the volume -> HassSetVolumeRelative: Volume at 50 percent. [volume 50]
        lower your volume please -> HassSetVolumeRelative: Volume at 30 percent. [volume 30]
        louder -> HassSetVolumeRelative: Volume at 50 percent. [volume 50]
        quieter please -> HassSetVolumeRelative: Volume at 30 percent. [volume 30]
        a bit louder -> HassSetVolumeRelative: Volume at 45 percent. [volume 45]
        speak up -> HassSetVolumeRelative: Volume at 50 percent. [volume 50]
        set the volume to thirty percent -> HassSetVolume: Volume at 30 percent. [volume 30]
        set volume to 90% -> HassSetVolume: Volume at 90 percent. [volume 90]
        set the volume to seven -> HassSetVolume: Volume at 7 percent. [volume 7]
        volume fifty -> HassSetVolume: Volume at 50 percent. [volume 50]
        turn up the volume to 90 -> HassSetVolume: Volume at 90 percent. [volume 90]
        increase the volume to 90 percent -> HassSetVolume: Volume at 90 percent. [volume 90]
        turn the volume to max -> HassSetVolume: Volume at 100 percent. [volume 100]
        set the volume to half -> HassSetVolume: Volume at 50 percent. [volume 50]
        full volume -> HassSetVolume: Volume at 100 percent. [volume 100]
        set the volume to two hundred -> HassSetVolume: The volume goes from 0 to 100 percent.
        mute -> HassMediaPlayerMute:  [volume 0]
        mute the speakers -> HassMediaPlayerMute:  [volume 0]
        unmute -> HassMediaPlayerUnmute: The volume is at 40 percent.
        what's the volume -> GetVolume: The volume is at 40 percent.
        how loud are you -> GetVolume: The volume is at 40 percent.
    "#]]
    .assert_eq(&said);
}

#[test]
fn the_volume_ends_at_both_ends() {
    let at = |volume| {
        transcript(&Surroundings { volume, ..quiet() }, &["louder", "quieter", "unmute", "turn it down by 200"])
    };
    expect![[r#"
        louder -> HassSetVolumeRelative: Volume at 10 percent. [volume 10]
        quieter -> HassSetVolumeRelative: The volume is at 0 already.
        unmute -> HassMediaPlayerUnmute: Volume at 50 percent. [volume 50]
        turn it down by 200 -> HassSetVolumeRelative: The volume is at 0 already.

        louder -> HassSetVolumeRelative: Volume at 15 percent. [volume 15]
        quieter -> HassSetVolumeRelative: Volume at 0 percent. [volume 0]
        unmute -> HassMediaPlayerUnmute: The volume is at 5 percent.
        turn it down by 200 -> HassSetVolumeRelative: Volume at 0 percent. [volume 0]

        louder -> HassSetVolumeRelative: Volume at 100 percent. [volume 100]
        quieter -> HassSetVolumeRelative: Volume at 85 percent. [volume 85]
        unmute -> HassMediaPlayerUnmute: The volume is at 95 percent.
        turn it down by 200 -> HassSetVolumeRelative: Volume at 0 percent. [volume 0]

        louder -> HassSetVolumeRelative: That's as loud as I can be.
        quieter -> HassSetVolumeRelative: Volume at 90 percent. [volume 90]
        unmute -> HassMediaPlayerUnmute: The volume is at 100 percent.
        turn it down by 200 -> HassSetVolumeRelative: Volume at 0 percent. [volume 0]
    "#]]
    .assert_eq(&[0, 5, 95, 100].map(at).join("\n"));
}

#[test]
fn other_devices_are_left_alone() {
    let said = transcript(
        &quiet(),
        &[
            "turn up the tv",
            "turn up the heating",
            "set living room volume to 90 percent",
            "turn down the music in the kitchen",
            "turn the lights down",
            "mute the tv",
            "mute for the next hour",
            "set it to ninety",
        ],
    );
    expect![[r#"
        turn up the tv -> not understood
        turn up the heating -> not understood
        set living room volume to 90 percent -> not understood
        turn down the music in the kitchen -> not understood
        turn the lights down -> not understood
        mute the tv -> not understood
        mute for the next hour -> not understood
        set it to ninety -> not understood
    "#]]
    .assert_eq(&said);
}
