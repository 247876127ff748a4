//! What a disk holds that has a volatile cache: what is written stays in memory until it is told to flush.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use clap::ValueEnum;

use crate::chance::Chance;

/// Bytes that are never torn.
pub(super) const BLOCK: usize = 4096;

/// What had come to the disk, when the power went, of that which was not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kept {
    /// Nothing.
    None,
    /// Everything.
    All,
    /// What was written until some moment.
    First,
    /// Any blocks, as a cache writes them in an order of its own.
    Some,
}

/// How many blocks were not flushed at a cut, and how many of these were kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unflushed {
    pub(crate) written: u64,
    pub(crate) kept: u64,
}

/// What it has flushed is in a file, the image.
pub(super) struct Cache {
    image: File,
    bytes: u64,
    /// Number and content of each block that was written since the last flush, in their order.
    written: Vec<(u64, Box<[u8]>)>,
    /// By the number of a block, where it is written last.
    newest: HashMap<u64, usize>,
    is_off: bool,
}

impl Cache {
    /// A disk with what is in the image, and as large as that.
    ///
    /// # Errors
    /// It can't be opened, or its size is not a whole number of blocks.
    pub(super) fn open(image: &Path) -> io::Result<Cache> {
        let image = OpenOptions::new().read(true).write(true).open(image)?;
        let bytes = image.metadata()?.len();
        if !bytes.is_multiple_of(BLOCK as u64) {
            return Err(io::Error::other(format!("{bytes} bytes are not a whole number of blocks")));
        }
        Ok(Cache { image, bytes, written: Vec::new(), newest: HashMap::new(), is_off: false })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is there, flushed or not. Behind the end there is nothing.
    pub(super) fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let end = offset.saturating_add(length as u64).min(self.bytes);
        let Some(length) = end.checked_sub(offset) else { return Ok(Vec::new()) };
        let mut content = vec![0; length as usize];
        self.image.read_exact_at(&mut content, offset)?;
        for number in blocks(offset, end).filter(|_| !self.newest.is_empty()) {
            let Some(&at) = self.newest.get(&number) else { continue };
            let begin = number * BLOCK as u64;
            let (from, to) = (begin.max(offset), (begin + BLOCK as u64).min(end));
            let block = &self.written[at].1[(from - begin) as usize..(to - begin) as usize];
            content[(from - offset) as usize..(to - offset) as usize].copy_from_slice(block);
        }
        Ok(content)
    }

    /// # Errors
    /// The power is off, or it would be written behind the end.
    pub(super) fn write(&mut self, offset: u64, content: &[u8]) -> io::Result<()> {
        let end = offset.saturating_add(content.len() as u64);
        if self.is_off || end > self.bytes {
            return Err(io::Error::other("the power is off, or the disk ends before"));
        }
        for number in blocks(offset, end) {
            let begin = number * BLOCK as u64;
            let (from, to) = (begin.max(offset), (begin + BLOCK as u64).min(end));
            let mut block = self.read(begin, BLOCK)?.into_boxed_slice();
            block[(from - begin) as usize..(to - begin) as usize]
                .copy_from_slice(&content[(from - offset) as usize..(to - offset) as usize]);
            self.newest.insert(number, self.written.len());
            self.written.push((number, block));
        }
        Ok(())
    }

    /// Brings all that was written to the image.
    ///
    /// # Errors
    /// The power is off.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.is_off {
            return Err(io::Error::other("the power is off"));
        }
        for (&number, &at) in &self.newest {
            self.image.write_all_at(&self.written[at].1, number * BLOCK as u64)?;
        }
        self.forget();
        Ok(())
    }

    /// Cuts the power: from now on nothing is written.
    pub(super) fn cut(&mut self, kept: Kept, chance: &mut Chance) -> io::Result<Unflushed> {
        self.is_off = true;
        let written = self.written.len();
        let first = match kept {
            Kept::None => 0,
            Kept::First => chance.below(written as u64 + 1) as usize,
            Kept::All | Kept::Some => written,
        };
        let share = if kept == Kept::Some { chance.fraction() } else { 1.0 };
        let mut count = Unflushed { written: written as u64, kept: 0 };
        for (number, block) in &self.written[..first] {
            if chance.fraction() < share {
                self.image.write_all_at(block, number * BLOCK as u64)?;
                count.kept += 1;
            }
        }
        self.forget();
        Ok(count)
    }

    fn forget(&mut self) {
        self.written.clear();
        self.newest.clear();
    }
}

/// The numbers of the blocks that have some of these bytes.
fn blocks(begin: u64, end: u64) -> Range<u64> {
    begin / BLOCK as u64..end.div_ceil(BLOCK as u64)
}

#[cfg(test)]
mod tests {
    use tempfile::NamedTempFile;

    use super::*;

    const BLOCKS: usize = 8;

    fn disk() -> (NamedTempFile, Cache) {
        let image = NamedTempFile::new().unwrap();
        image.as_file().set_len((BLOCKS * BLOCK) as u64).unwrap();
        let cache = Cache::open(image.path()).unwrap();
        (image, cache)
    }

    /// The first byte of each block in the image.
    fn flushed(image: &NamedTempFile) -> Vec<u8> {
        std::fs::read(image.path()).unwrap().chunks(BLOCK).map(|block| block[0]).collect()
    }

    fn write(cache: &mut Cache, numbers: &[u8]) {
        for &number in numbers {
            cache.write(u64::from(number) * BLOCK as u64, &[number; BLOCK]).unwrap();
        }
    }

    #[test]
    fn what_was_flushed_survives_and_the_rest_is_forgotten() {
        let (image, mut cache) = disk();
        write(&mut cache, &[1, 2]);
        cache.flush().unwrap();
        cache.write(2 * BLOCK as u64, &[9; BLOCK]).unwrap();
        write(&mut cache, &[3]);
        assert_eq!(flushed(&image), [0, 1, 2, 0, 0, 0, 0, 0]);
        assert_eq!(cache.cut(Kept::None, &mut Chance::new(1)).unwrap(), Unflushed { written: 2, kept: 0 });
        assert_eq!(flushed(&image), [0, 1, 2, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn all_that_was_written_may_have_come_to_the_disk() {
        let (image, mut cache) = disk();
        write(&mut cache, &[1, 2, 3]);
        cache.write(BLOCK as u64, &[9; BLOCK]).unwrap();
        assert_eq!(cache.cut(Kept::All, &mut Chance::new(1)).unwrap(), Unflushed { written: 4, kept: 4 });
        assert_eq!(flushed(&image), [0, 9, 2, 3, 0, 0, 0, 0]);
    }

    #[test]
    fn the_first_that_were_written_are_kept_without_a_gap() {
        let mut lengths = [false; 6];
        for seed in 0..200 {
            let (image, mut cache) = disk();
            write(&mut cache, &[5, 4, 3, 2, 1]);
            let count = cache.cut(Kept::First, &mut Chance::new(seed)).unwrap();
            let kept: Vec<u8> = [5, 4, 3, 2, 1].into_iter().take(count.kept as usize).collect();
            let there: Vec<u8> = flushed(&image).into_iter().filter(|&first| first > 0).rev().collect();
            assert_eq!(there, kept);
            lengths[count.kept as usize] = true;
        }
        assert_eq!(lengths, [true; 6], "each length comes some time");
    }

    #[test]
    fn any_blocks_are_kept_and_others_lost() {
        let gaps = (0..200).filter(|&seed| {
            let (image, mut cache) = disk();
            write(&mut cache, &[1, 2, 3, 4]);
            let count = cache.cut(Kept::Some, &mut Chance::new(seed)).unwrap();
            let there = flushed(&image);
            assert_eq!(there.iter().filter(|&&first| first > 0).count() as u64, count.kept);
            there[1] == 0 && there[4] == 4
        });
        assert!(gaps.count() > 10, "a later one is kept without an earlier one");
    }

    #[test]
    fn nothing_is_written_once_the_power_is_off() {
        let (image, mut cache) = disk();
        cache.cut(Kept::All, &mut Chance::new(1)).unwrap();
        assert!(cache.write(0, &[1; BLOCK]).is_err());
        assert!(cache.flush().is_err());
        assert_eq!(flushed(&image), [0; BLOCKS]);
    }

    #[test]
    fn what_is_read_is_the_newest_also_in_parts_of_blocks() {
        let (_image, mut cache) = disk();
        let mut right = vec![0; BLOCKS * BLOCK];
        let mut chance = Chance::new(3);
        for value in 1..=200 {
            let begin = chance.below((BLOCKS * BLOCK) as u64) as usize;
            let end = begin + chance.below((BLOCKS * BLOCK - begin) as u64) as usize;
            cache.write(begin as u64, &vec![value; end - begin]).unwrap();
            right[begin..end].fill(value);
            if value % 17 == 0 {
                cache.flush().unwrap();
            }
            let begin = chance.below((BLOCKS * BLOCK) as u64) as usize;
            assert_eq!(
                cache.read(begin as u64, 3 * BLOCK).unwrap(),
                right[begin..(begin + 3 * BLOCK).min(right.len())]
            );
        }
        assert!(cache.write((BLOCKS * BLOCK) as u64 - 1, &[1; 2]).is_err(), "behind the end");
        assert!(cache.read((BLOCKS * BLOCK) as u64 + 1, 1).unwrap().is_empty());
    }
}
