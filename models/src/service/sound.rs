//! The sound that a service sends: whatever of it can be read, and in words what cannot.

use pipit_core::audio::{Hertz, Pcm};

use super::{Answer, Post, Service, ServiceError};
use crate::cancel::CancelFlag;
use crate::clip;
use crate::voice::VoiceError;

/// A clause lasts less than half a minute, which is 6 MB at 48 kHz in stereo.
const MOST: usize = 8 << 20;

/// OpenAI's `pcm` is 24 kHz, and has no header to say so.
const RAW_RATE: u32 = 24_000;

/// What is to be spoken, and how a service of some kind wants to be asked for it.
pub(super) struct Speech<'a> {
    pub(super) path: &'a str,
    pub(super) header: Option<(&'static str, &'a str)>,
    /// JSON.
    pub(super) body: Vec<u8>,
    pub(super) text: &'a str,
}

impl Service {
    /// Has it spoken. `rate` is that of the sound before, and becomes that of this one. Where there is no word in the text,
    /// nothing is sent.
    pub(super) fn speak(
        &mut self,
        speech: Speech<'_>,
        rate: &mut Hertz,
        cancel: &CancelFlag,
    ) -> Result<Pcm, VoiceError> {
        let Speech { path, header, body, text } = speech;
        if cancel.is_cancelled() {
            return Err(VoiceError::Cancelled);
        }
        if !text.chars().any(char::is_alphanumeric) {
            return Ok(Pcm::new([], *rate));
        }
        let (content_type, accept) = ("application/json", "audio/wav, audio/*;q=0.5");
        let answer = self.post(Post { path, content_type, accept, header, body, most: MOST, said: text }, cancel)?;
        let pcm = sound(self, answer)?;
        *rate = pcm.rate();
        Ok(pcm)
    }
}

/// Reads the sound in `answer`: WAV, FLAC, or raw samples where the answer's head says that it is that.
fn sound(service: &Service, answer: Answer) -> Result<Pcm, ServiceError> {
    let Answer { content_type, body, .. } = answer;
    if body.is_empty() {
        return Err(service.unreadable("its answer is empty"));
    }
    if let Some(format) = unreadable_format(&body) {
        let detail = format!("it sent {format}, where WAV was asked for, and Pipit reads WAV and FLAC alone");
        return Err(service.unreadable(detail));
    }
    let pcm = match raw_rate(&content_type) {
        Some(rate) if !body.starts_with(b"RIFF") => raw(&body, rate),
        _ if !body.starts_with(b"RIFF") && !body.starts_with(b"fLaC") => {
            return Err(service.unreadable("what it sent is neither WAV nor FLAC"));
        }
        _ => clip::decode_mono(body).map_err(|reason| service.unreadable(format!("its sound is no use: {reason}")))?,
    };
    if pcm.samples().iter().all(|sample| sample.is_finite()) {
        // Some engines overshoot.
        let within: Vec<f32> = pcm.samples().iter().map(|sample| sample.clamp(-1.0, 1.0)).collect();
        return Ok(Pcm::new(within, pcm.rate()));
    }
    Err(service.unreadable("its sound holds samples that are not numbers"))
}

/// What sort of file this is, if it is one that people know and Pipit can't read.
fn unreadable_format(body: &[u8]) -> Option<&'static str> {
    match body {
        [b'I', b'D', b'3', ..] => Some("MP3"),
        // The frame header of MPEG audio, layer III, and of AAC.
        [0xff, second, ..] if second & 0xe6 == 0xe2 => Some("MP3"),
        [0xff, second, ..] if second & 0xf6 == 0xf0 => Some("AAC"),
        [b'O', b'g', b'g', b'S', ..] => Some("Ogg (Opus or Vorbis)"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some("MP4"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some("WebM"),
        [b'{' | b'[', ..] if serde_json::from_slice::<serde_json::Value>(body).is_ok() => Some("JSON"),
        _ => None,
    }
}

/// The rate of samples without a header: `audio/pcm`, `audio/L16; rate=16000`.
fn raw_rate(content_type: &str) -> Option<u32> {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next()?.to_ascii_lowercase();
    if !matches!(kind.as_str(), "audio/pcm" | "audio/x-pcm" | "audio/l16" | "audio/raw") {
        return None;
    }
    let rate = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.eq_ignore_ascii_case("rate"));
    let rate = rate.and_then(|(_, rate)| rate.trim_matches('"').parse().ok());
    Some(rate.filter(|rate| clip::RATES.contains(rate)).unwrap_or(RAW_RATE))
}

/// Little-endian samples of 16 bits, as OpenAI sends them whatever RFC 2586 says about L16.
fn raw(body: &[u8], rate: u32) -> Pcm {
    let samples = body.as_chunks::<2>().0.iter().map(|pair| f32::from(i16::from_le_bytes(*pair)) / 32_768.0);
    Pcm::new(samples.collect::<Vec<_>>(), Hertz(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_read_has_a_name() {
        let table: [(&[u8], Option<&str>); 8] = [
            (b"ID3\x04", Some("MP3")),
            (b"\xff\xfb\x90", Some("MP3")),
            (b"\xff\xf1\x50", Some("AAC")),
            (b"OggS\0", Some("Ogg (Opus or Vorbis)")),
            (b"\0\0\0\x20ftypM4A ", Some("MP4")),
            (b"{\"audio\": 1}", Some("JSON")),
            (b"RIFF", None),
            (b"", None),
        ];
        for (body, expected) in table {
            assert_eq!(unreadable_format(body), expected, "{body:?}");
        }
    }

    #[test]
    fn raw_samples_have_their_rate_in_the_head() {
        assert_eq!(raw_rate("audio/L16; channels=1; rate=16000"), Some(16_000));
        assert_eq!(raw_rate("audio/pcm"), Some(24_000));
        assert_eq!(raw_rate("audio/pcm;rate=3"), Some(24_000));
        assert_eq!(raw_rate("audio/wav"), None);
        assert_eq!(raw(&[0, 0x40, 0, 0xc0, 9], 8_000), Pcm::new([0.5, -0.5], Hertz(8_000)));
    }
}
