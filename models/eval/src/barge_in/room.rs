//! A room on paper: impulse responses, and what a microphone in it hears of a speaker.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// The rate of everything here.
pub(crate) const RATE: usize = 16_000;

/// An impulse response is cut after half a second.
const LONGEST: usize = RATE / 2;

/// How a sound gets from one place to another.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) name: String,
    response: Vec<f32>,
}

impl Room {
    /// A measured or simulated response; what comes before its direct sound is taken off.
    pub(crate) fn measured(name: &str, response: &[f32]) -> Self {
        let highest = response.iter().fold(0.0_f32, |highest, sample| highest.max(sample.abs()));
        let direct = response.iter().position(|sample| sample.abs() > highest * 0.3).unwrap_or(0);
        let response = response[direct..].iter().copied().take(LONGEST).collect();
        Room { name: name.to_owned(), response }
    }

    /// A direct sound and reflections that die away by 60 dB in `seconds`, `direct_to_reverberant` dB below it in all.
    pub(crate) fn synthetic(seconds: f32, direct_to_reverberant: f32, seed: u32) -> Self {
        let mut noise = Noise(seed);
        let decay = (0.001_f32).ln() / (seconds * RATE as f32);
        let mut tail: Vec<f32> =
            (0..LONGEST).map(|n| if n < 40 { 0.0 } else { noise.next() * (decay * n as f32).exp() }).collect();
        let level = (power(&tail) * tail.len() as f32).sqrt();
        let wanted = 10_f32.powf(-direct_to_reverberant / 20.0);
        tail.iter_mut().for_each(|sample| *sample *= wanted / level);
        tail[0] = 1.0;
        Room { name: format!("synthetic, {seconds} s"), response: tail }
    }

    /// What is heard of `sound`, as long as it.
    pub(crate) fn hear(&self, sound: &[f32]) -> Vec<f32> {
        let length = (sound.len() + self.response.len()).next_power_of_two();
        let mut planner = RealFftPlanner::<f32>::new();
        let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
        let spectrum = |samples: &[f32]| -> Vec<Complex<f32>> {
            let mut padded = samples.to_vec();
            padded.resize(length, 0.0);
            let mut spectrum = forward.make_output_vec();
            forward.process(&mut padded, &mut spectrum).expect("both have the plan's length");
            spectrum
        };
        let mut product = spectrum(sound);
        for (bin, response) in product.iter_mut().zip(spectrum(&self.response)) {
            *bin *= response / length as f32;
        }
        // The transform of a real signal is real at both ends; rounding must not say otherwise.
        for end in [0, length / 2] {
            product[end].im = 0.0;
        }
        let mut heard = inverse.make_output_vec();
        inverse.process(&mut product, &mut heard).expect("both have the plan's length");
        heard.truncate(sound.len());
        heard
    }
}

/// `samples` as a clock sees them that is slower by `ppm` parts in a million.
pub(crate) fn drifted(samples: &[f32], ppm: f64) -> Vec<f32> {
    const TAPS: i64 = 16;
    let length = (samples.len() as f64 / (1.0 + ppm * 1e-6)) as usize;
    let at = |n: i64| usize::try_from(n).ok().and_then(|n| samples.get(n)).copied().unwrap_or(0.0);
    let sample = |n: usize| {
        let place = n as f64 * (1.0 + ppm * 1e-6);
        let (whole, part) = (place.floor() as i64, place.fract());
        let tap = |k: i64| {
            let x = k as f64 - part;
            let window = 0.5 + 0.5 * (std::f64::consts::PI * x / (TAPS as f64 + 1.0)).cos();
            let sinc = if x.abs() < 1e-9 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
            f64::from(at(whole + k)) * sinc * window
        };
        (1 - TAPS..=TAPS).map(tap).sum::<f64>() as f32
    };
    (0..length).map(sample).collect()
}

/// Noise that is the same each time.
pub(crate) struct Noise(pub(crate) u32);

impl Noise {
    /// The next sample, -1.0..=1.0.
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

pub(crate) fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}

/// The power of speech where it is speech: of the 20 ms steps within 25 dB of the loudest.
pub(crate) fn speech_power(samples: &[f32]) -> f32 {
    let steps: Vec<f32> = samples.chunks(RATE / 50).map(power).collect();
    let loudest = steps.iter().fold(0.0_f32, |loudest, &step| loudest.max(step));
    let active: Vec<f32> = steps.into_iter().filter(|&step| step > loudest * 0.003).collect();
    active.iter().sum::<f32>() / active.len().max(1) as f32
}
