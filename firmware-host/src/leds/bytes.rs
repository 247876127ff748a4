//! What lights are sent over SPI.

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

/// A third of the time that WS2812 takes for a bit: 1.25 µs.
pub(super) const WS2812_HERTZ: u32 = 2_400_000;

/// Silence of 300 µs, after which WS2812 shows what it was sent: newer ones want 280.
const WS2812_LATCH: usize = 90;

/// A frame of APA102 and SK9822: 32 bits of nothing, each light with its three colours at full current, 32 bits of nothing by which
/// SK9822 takes over, and a clock edge for every second light. APA102's datasheet, and Tim's "SK9822 a clone of the APA102" (2016).
pub(super) fn apa102(colours: &[Rgb]) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(colours.iter().flat_map(|[r, g, b]| [0xff, *b, *g, *r]));
    bytes.extend(std::iter::repeat_n(0, 4 + colours.len().div_ceil(16)));
    bytes
}

/// A frame of WS2812, three bits of SPI for each of its own: 110 is one, 100 is zero. Green comes first. WS2812B's datasheet.
pub(super) fn ws2812(colours: &[Rgb]) -> Vec<u8> {
    let coded = |byte: u8| {
        let bits = (0..8).rev().fold(0_u32, |bits, n| bits << 3 | if byte >> n & 1 == 1 { 0b110 } else { 0b100 });
        let [_, high, middle, low] = bits.to_be_bytes();
        [high, middle, low]
    };
    let mut bytes: Vec<u8> = colours.iter().flat_map(|[r, g, b]| [*g, *r, *b]).flat_map(coded).collect();
    bytes.extend(std::iter::repeat_n(0, WS2812_LATCH));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apa102_has_blue_first_and_clocks_for_all() {
        let expected = [0, 0, 0, 0, 0xff, 3, 2, 1, 0xff, 0, 0, 255, 0, 0, 0, 0, 0];
        assert_eq!(apa102(&[[1, 2, 3], [255, 0, 0]]), expected);
        assert_eq!(apa102(&[[0; 3]; 17]).len(), 4 + 17 * 4 + 4 + 2);
    }

    #[test]
    fn ws2812_has_green_first_and_three_bits_for_each() {
        let sent = ws2812(&[[0x00, 0xff, 0xa5]]);
        let expected = [
            0b1101_1011,
            0b0110_1101,
            0b1011_0110, // green: all ones
            0b1001_0010,
            0b0100_1001,
            0b0010_0100, // red: all zeros
            0b1101_0011,
            0b0100_1001,
            0b1010_0110, // blue: 1010 0101
        ];
        assert_eq!((&sent[..9], sent.len(), sent[9..].iter().max()), (&expected[..], 9 + 90, Some(&0)));
    }
}
