//! What is written about displays, lights and buttons.

use expect_test::expect;

use super::*;

#[test]
fn a_board_brings_its_lights_and_its_button_and_what_is_written_outweighs_them() {
    let none = Owner::default().load().unwrap();
    assert_eq!((none.display, none.leds, none.buttons), (None, None, None));
    let two = from_file("[board]\nprofile = \"respeaker-2mic\"\n").unwrap();
    let apa102 = |count, power_line| LedKind::Apa102 { device: "/dev/spidev0.1".into(), count, power_line };
    assert_eq!(two.leds.map(|leds| (leds.kind, leds.brightness)), Some((apa102(3, None), 30)));
    assert_eq!(
        two.buttons.map(|buttons| (buttons.talk, buttons.mute, buttons.active_low)),
        Some((Some(17), None, true))
    );
    let four = from_file("[board]\nprofile = \"respeaker-4mic\"\n[leds]\ncount = 4\n").unwrap();
    assert_eq!((four.leds.map(|leds| leds.kind), four.buttons), (Some(apa102(4, Some(5))), None));
    let other = "[board]\nprofile = \"respeaker-2mic\"\n[leds]\nkind = \"none\"\n[buttons]\ntalk_line = 5\n";
    let other = from_file(other).unwrap();
    assert_eq!((other.leds, other.buttons.and_then(|buttons| buttons.talk)), (None, Some(5)));
}

#[test]
fn a_display_is_what_is_usual_for_its_kind() {
    let display = |content: &str| from_file(&format!("[display]\n{content}\n")).unwrap().display.unwrap();
    let small = display("kind = \"ssd1306\"\nheight = 32");
    assert_eq!((small.device.to_str(), small.width, small.height, small.address), (Some("/dev/i2c-1"), 128, 32, 60));
    let turned = display("kind = \"ili9341\"\ndc_line = 25\nrotation = \"90\"");
    assert_eq!((turned.width, turned.height, turned.rotation), (240, 320, Rotation::Quarter));
    assert_eq!((turned.dc_line, turned.reset_line), (Some(25), None));
}

#[test]
fn what_can_not_be_wired_so_is_refused() {
    check_file(
        "[display]\nkind = \"st7789\"\nheight = 480\n[buttons]\nmute_line = 4\ntalk_line = 4\n[leds]\nkind = \"gpio\"\n",
        expect![[r#"
            pipit.toml:2:8: display.dc_line must be the GPIO line that the display's DC pin is wired to; write for example 25
            pipit.toml:3:10: display.height (480) is more than this display has; write at most 320, as it is before it is turned
            pipit.toml:6:13: buttons.talk_line and buttons.mute_line are the same line; give each a line of its own
            pipit.toml:8:8: leds.line must be the GPIO line of the light; write for example 18
        "#]],
    );
    check_file(
        "[display]\nkind = \"png\"\n",
        expect![[r#"
        pipit.toml:2:8: display.path must name the file that is to hold the picture; write for example "/run/pipit/face.png"
    "#]],
    );
}
