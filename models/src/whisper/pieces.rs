//! Where to cut audio that is longer than the model's window: in its pauses.

use std::ops::Range;

/// The stretch whose loudness decides, 200 ms: longer than the closure of a plosive.
const PAUSE: usize = 3200;

/// The steps in which a pause is looked for, 20 ms.
const STEP: usize = 320;

/// Cuts `samples` into pieces of at most `longest` samples that together are all of it, in order.
pub(super) fn cut(samples: &[f32], longest: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while samples.len() - start > longest {
        let end = start + quietest_cut(&samples[start..], longest);
        pieces.push(start..end);
        start = end;
    }
    pieces.push(start..samples.len());
    pieces
}

/// The middle of the quietest stretch around the length that would make the remaining pieces equal; of several that
/// are as quiet, the one nearest to that length.
fn quietest_cut(samples: &[f32], longest: usize) -> usize {
    let equal = samples.len() / samples.len().div_ceil(longest);
    let (from, to) = (equal - equal / 4, (equal + equal / 4).min(longest));
    let energy_around = |cut: &usize| {
        let stretch = &samples[cut.saturating_sub(PAUSE / 2)..(cut + PAUSE / 2).min(samples.len())];
        stretch.iter().map(|sample| sample * sample).sum::<f32>() / stretch.len() as f32
    };
    (from..=to)
        .step_by(STEP)
        .map(|cut| (cut, energy_around(&cut), cut.abs_diff(equal)))
        .min_by(|one, other| one.1.total_cmp(&other.1).then(one.2.cmp(&other.2)))
        .map_or(longest, |(cut, ..)| cut.clamp(1, longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_audio_is_one_piece() {
        assert_eq!(cut(&[0.5; 100], 100), vec![0..100]);
        assert_eq!(cut(&[], 100), vec![0..0]);
    }

    #[test]
    fn the_cut_falls_into_the_pause() {
        let mut samples = vec![0.5; 20 * 16_000];
        let pause = 150_000..160_000;
        samples[pause.clone()].fill(0.0);
        let pieces = cut(&samples, 12 * 16_000);
        assert_eq!(pieces.len(), 2);
        assert!(pause.contains(&pieces[0].end), "cut at {}", pieces[0].end);
    }

    #[test]
    fn pieces_cover_everything_and_none_is_too_long() {
        for (length, longest) in [(1, 1), (163_841, 163_840), (500_000, 163_840), (1_000_000, 476_160), (10, 3)] {
            let samples: Vec<f32> = (0..length).map(|i| (i % 97) as f32 / 97.0).collect();
            let pieces = cut(&samples, longest);
            assert_eq!(pieces.first().map(|piece| piece.start), Some(0));
            assert_eq!(pieces.last().map(|piece| piece.end), Some(length));
            assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(pieces.iter().all(|piece| piece.len() <= longest && !piece.is_empty()), "{pieces:?}");
        }
    }
}
