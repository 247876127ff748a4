//! Makes the fonts of the display, `src/display/fonts/*.glyphs`, out of Roboto (Apache-2.0; `apt install fonts-roboto-unhinted`):
//! `cargo run -p pipit --example glyphs -- /usr/share/fonts/truetype/roboto/unhinted/RobotoTTF`.
//!
//! A board need not draw outlines, and what it shows is the same on every machine.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "this is run by hand")]

use std::fs;
use std::path::Path;

use fontdue::{Font, FontSettings};

/// What is made: file, face, height in pixels, and whether of digits alone.
const FONTS: [(&str, &str, f32, bool); 8] = [
    ("text-16", "Roboto-Regular", 16.0, false),
    ("text-20", "Roboto-Regular", 20.0, false),
    ("text-28", "Roboto-Regular", 28.0, false),
    ("digits-34", "Roboto-Medium", 34.0, true),
    ("digits-44", "Roboto-Medium", 44.0, true),
    ("digits-56", "Roboto-Medium", 56.0, true),
    ("digits-84", "Roboto-Regular", 84.0, true),
    ("digits-112", "Roboto-Regular", 112.0, true),
];

fn main() {
    let from = std::env::args().nth(1).expect("name the folder with Roboto's TTF files");
    let latin = (' '..='~').chain('\u{a1}'..='\u{17f}').chain("–—‘’‚“”„…•€".chars());
    let latin: Vec<char> = latin.collect();
    let digits: Vec<char> = "0123456789: ".chars().collect();
    for (name, face, height, only_digits) in FONTS {
        let bytes = fs::read(Path::new(&from).join(format!("{face}.ttf"))).unwrap();
        let font = Font::from_bytes(bytes, FontSettings { scale: height, ..FontSettings::default() }).unwrap();
        let mut chars = if only_digits { digits.clone() } else { latin.clone() };
        chars.sort_unstable();
        chars.retain(|one| font.lookup_glyph_index(*one) != 0);
        let line = font.horizontal_line_metrics(height).unwrap();
        let ascent = if only_digits { font.metrics('0', height).height as f32 } else { line.ascent };
        let line_height = if only_digits { ascent } else { line.ascent - line.descent };
        let (mut table, mut pixels) = (Vec::new(), Vec::new());
        for one in &chars {
            let (metrics, alpha) = font.rasterize(*one, height);
            table.extend((*one as u16).to_le_bytes());
            table.extend([metrics.width as u8, metrics.height as u8]);
            table.push(metrics.xmin as i8 as u8);
            // From the top of the line down.
            let top = ascent.round() as i32 - metrics.height as i32 - metrics.ymin;
            table.push(top as i8 as u8);
            table.push(metrics.advance_width.round() as u8);
            table.push(0);
            table.extend((pixels.len() as u32).to_le_bytes());
            let levels: Vec<u8> = alpha.iter().map(|alpha| ((u16::from(*alpha) * 15 + 127) / 255) as u8).collect();
            pixels.extend(levels.chunks(2).map(|two| two[0] << 4 | two.get(1).copied().unwrap_or(0)));
        }
        let mut file = vec![line_height.round() as u8, ascent.round() as u8];
        file.extend((chars.len() as u16).to_le_bytes());
        file.extend(table);
        file.extend(pixels);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/display/fonts").join(format!("{name}.glyphs"));
        fs::write(&path, &file).unwrap();
        println!("{}: {} glyphs, {} bytes", path.display(), chars.len(), file.len());
    }
}
