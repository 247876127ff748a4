//! Which colours lights have at each step.

use pipit_core::face::{Hue, LEVELS, Light};

use super::bytes::Rgb;

/// Steps of a breath, of a blink, and of a turn.
const BREATH: u32 = 48;
const BLINK: u32 = 10;
const TURN: u32 = 24;

/// Whether it changes from step to step.
pub(super) fn moves(light: Light) -> bool {
    match light {
        Light::Off | Light::Steady(_) | Light::Level(_) => false,
        Light::Turning(_) | Light::Breathing(_) | Light::Blinking(_) => true,
    }
}

/// The colours of `count` lights, `brightness` in percent.
pub(super) fn colours(light: Light, step: u32, count: usize, brightness: u8) -> Vec<Rgb> {
    let all = |hue: Hue, share: u32| vec![dimmed(rgb(hue), share * u32::from(brightness), 255 * 100); count];
    match light {
        Light::Off => vec![[0; 3]; count],
        Light::Steady(hue) => all(hue, 255),
        // Never dark, so that it can be seen that it listens.
        Light::Level(level) => all(Hue::Own, 60 + 195 * u32::from(level.min(LEVELS)) / u32::from(LEVELS)),
        Light::Blinking(hue) => all(hue, if step % BLINK < BLINK / 2 { 255 } else { 0 }),
        Light::Breathing(hue) => {
            let at = step % BREATH;
            let rising = at.min(BREATH - at) * 255 / (BREATH / 2);
            // The eye takes half the light for more than half.
            all(hue, 25 + rising * rising / 255 * 230 / 255)
        }
        Light::Turning(hue) => {
            if count < 3 {
                return colours(Light::Breathing(hue), step * 2, count, brightness);
            }
            // A light and what trails behind it.
            let head = (step % TURN) as usize * count / TURN as usize;
            let behind = |n: usize| (head + count - n) % count;
            let share = |n: usize| 255_u32 >> (2 * behind(n).min(8));
            (0..count).map(|n| dimmed(rgb(hue), share(n) * u32::from(brightness), 255 * 100)).collect()
        }
    }
}

fn rgb(hue: Hue) -> Rgb {
    match hue {
        Hue::Own => [0, 255, 150],
        Hue::Fresh => [120, 150, 255],
        Hue::Due => [255, 130, 0],
        Hue::Muted => [255, 0, 0],
    }
}

/// What is lit stays lit, however dim.
fn dimmed(colour: Rgb, share: u32, whole: u32) -> Rgb {
    colour.map(|part| (u32::from(part) * share).div_ceil(whole).min(255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_as_bright_as_it_may_be() {
        assert_eq!(colours(Light::Off, 7, 2, 100), [[0; 3]; 2]);
        assert_eq!(colours(Light::Steady(Hue::Muted), 7, 1, 100), [[255, 0, 0]]);
        assert_eq!(colours(Light::Steady(Hue::Muted), 7, 1, 1), [[3, 0, 0]]);
        let loud: Vec<u8> = (0..=LEVELS).map(|level| colours(Light::Level(level), 0, 1, 50)[0][1]).collect();
        assert!(loud.is_sorted() && loud[0] > 20 && loud[usize::from(LEVELS)] == 128, "{loud:?}");
    }

    #[test]
    fn what_moves_comes_back_and_never_leaves_all_the_same() {
        let moving = [Light::Turning(Hue::Own), Light::Breathing(Hue::Own), Light::Blinking(Hue::Due)];
        for light in moving {
            for count in [1, 3, 12] {
                let at = |step| colours(light, step, count, 100);
                assert_eq!(at(0), at(BREATH * 5), "{light:?}");
                assert!((0..BREATH).any(|step| at(step) != at(step + 1)), "{light:?}");
            }
        }
    }

    #[test]
    fn one_goes_around() {
        let lit = |step| {
            colours(Light::Turning(Hue::Muted), step, 12, 100).iter().map(|colour| colour[0]).collect::<Vec<_>>()
        };
        assert_eq!(lit(0)[..2], [255, 0]);
        assert_eq!(lit(2)[..3], [63, 255, 0]);
    }
}
