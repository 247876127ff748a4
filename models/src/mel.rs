//! The mel filters that Whisper and Smart Turn look at sound through: those of librosa for 16 kHz.

/// Samples of a transformed frame, at 16 kHz.
pub(crate) const FFT: usize = 400;

/// Frequency bins of its spectrum.
pub(crate) const BINS: usize = FFT / 2 + 1;

const BIN_HERTZ: f64 = 40.0;

/// One triangular filter, from its first bin with weight on.
pub(crate) struct Band {
    pub first_bin: usize,
    pub weights: Vec<f64>,
}

/// Triangles between 0 and 8 kHz, evenly spaced on Slaney's mel scale and of equal area.
pub(crate) fn slaney_bands(bands: usize) -> Vec<Band> {
    let (low, high) = (mel(0.0), mel(8000.0));
    let corners: Vec<f64> = (0..bands + 2).map(|i| hertz(low + (high - low) * i as f64 / (bands + 1) as f64)).collect();
    corners
        .windows(3)
        .map(|corner| {
            let area = 2.0 / (corner[2] - corner[0]);
            let weight = |bin: usize| {
                let frequency = bin as f64 * BIN_HERTZ;
                let rise = (frequency - corner[0]) / (corner[1] - corner[0]);
                let fall = (corner[2] - frequency) / (corner[2] - corner[1]);
                rise.min(fall).max(0.0) * area
            };
            let first_bin = (0..BINS).find(|bin| weight(*bin) > 0.0).unwrap_or(0);
            let weights = (first_bin..BINS).map(weight).take_while(|weight| *weight > 0.0).collect();
            Band { first_bin, weights }
        })
        .collect()
}

fn mel(hertz: f64) -> f64 {
    if hertz < 1000.0 { 3.0 * hertz / 200.0 } else { 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4f64.ln() }
}

fn hertz(mel: f64) -> f64 {
    if mel < 15.0 { 200.0 * mel / 3.0 } else { 1000.0 * (6.4f64.ln() / 27.0 * (mel - 15.0)).exp() }
}
