//! The disk that forgets as a file system of FUSE with one file, `disk`: a process of its own, since whoever serves a disk and waits for it in the
//! same process can't be ended any more.
//!
//! A line on standard input cuts the power: `KEPT SEED WRITES`, after so many more writes, but within half a second. The answer is a line
//! `WRITTEN KEPT` with numbers of blocks. The end of the input takes the disk away, whoever uses it.

use std::ffi::OsStr;
use std::io::{self, BufRead as _};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum as _;
use fuser::{
    Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, KernelConfig,
    LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request,
    Session, WriteFlags,
};

use super::cache::{BLOCK, Cache, Kept, Unflushed};
use crate::chance::Chance;

/// How many bytes the kernel writes at once.
const LARGEST_WRITE: u32 = 128 * 1024;
const CUT_WITHIN: Duration = Duration::from_millis(500);
const DISK: INodeNo = INodeNo(2);
const FOR_LONG: Duration = Duration::from_secs(1 << 30);

/// Serves a disk with what is in `image` as `disk` in the folder `at`, and says `mounted` once it is there. Returns when it is unmounted.
pub(crate) fn serve(image: &Path, at: &Path) -> Result<()> {
    let cache = Cache::open(image).with_context(|| format!("{} is no image of a disk", image.display()))?;
    let disk = Arc::new(Disk::new(cache));
    let mut config = Config::default();
    let name = MountOption::FSName("forgetful".to_owned());
    config.mount_options = vec![name, MountOption::CUSTOM(format!("max_read={LARGEST_WRITE}"))];
    let session = Session::new(Served(Arc::clone(&disk)), at, &config)
        .with_context(|| format!("FUSE can't be mounted on {}; it takes root and /dev/fuse", at.display()))?;
    std::thread::spawn(move || {
        let obeyed = obey(&disk);
        // Nobody waits for those who use it.
        std::process::exit(obeyed.map_or_else(|error| complain(&error), |()| 0));
    });
    println!("mounted");
    Ok(session.run()?)
}

#[allow(clippy::print_stderr, reason = "whoever started this shows it")]
fn complain(error: &anyhow::Error) -> i32 {
    eprintln!("the disk: {error:#}");
    1
}

/// Carries out what comes on standard input, until that ends.
fn obey(disk: &Disk) -> Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let [kept, seed, writes] = words[..] else { bail!("`{line}` is no order") };
        let kept = Kept::from_str(kept, false).map_err(anyhow::Error::msg)?;
        let order = Order { kept, chance: Chance::new(seed.parse()?), writes: writes.parse()?, within: CUT_WITHIN };
        let Unflushed { written, kept } = disk.cut(order)?;
        println!("{written} {kept}");
    }
    Ok(())
}

/// To cut the power after so many more writes, or after this time.
struct Order {
    kept: Kept,
    chance: Chance,
    writes: u64,
    within: Duration,
}

struct State {
    cache: Cache,
    order: Option<Order>,
    cut: Option<io::Result<Unflushed>>,
}

impl State {
    fn cut(&mut self) {
        if let Some(Order { kept, mut chance, .. }) = self.order.take() {
            self.cut = Some(self.cache.cut(kept, &mut chance));
        }
    }
}

struct Disk {
    state: Mutex<State>,
    is_cut: Condvar,
}

impl Disk {
    fn new(cache: Cache) -> Disk {
        Disk { state: Mutex::new(State { cache, order: None, cut: None }), is_cut: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the power is off.
    fn cut(&self, order: Order) -> Result<Unflushed> {
        let mut state = self.state();
        let within = if order.writes == 0 { Duration::ZERO } else { order.within };
        state.order = Some(order);
        let waited = self.is_cut.wait_timeout_while(state, within, |state| state.cut.is_none());
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.cut();
        Ok(state.cut.take().context("the power is off already")??)
    }

    fn write(&self, offset: u64, content: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.cache.write(offset, content)?;
        if let Some(order) = &mut state.order {
            order.writes = order.writes.saturating_sub(1);
            if order.writes == 0 {
                state.cut();
                self.is_cut.notify_all();
            }
        }
        Ok(())
    }

    fn attributes(&self, of: INodeNo) -> FileAttr {
        let is_disk = of == DISK;
        let size = if is_disk { self.state().cache.bytes() } else { 0 };
        FileAttr {
            ino: of,
            size,
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if is_disk { FileType::RegularFile } else { FileType::Directory },
            perm: if is_disk { 0o600 } else { 0o755 },
            nlink: if is_disk { 1 } else { 2 },
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: BLOCK as u32,
            flags: 0,
        }
    }
}

/// What the kernel asks for.
struct Served(Arc<Disk>);

impl Filesystem for Served {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        config
            .set_max_write(LARGEST_WRITE)
            .map(drop)
            .map_err(|most| io::Error::other(format!("it writes {most} bytes at once")))
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if parent == INodeNo::ROOT && name == "disk" {
            reply.entry(&FOR_LONG, &self.0.attributes(DISK), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _: &Request, of: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&FOR_LONG, &self.0.attributes(of));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // The kernel keeps nothing of it: what it writes is here, and what it is told to flush is told to this.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.state().cache.read(offset, size as usize) {
            Ok(content) => reply.data(&content),
            Err(_) => reply.error(Errno::EIO),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        content: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.0.write(offset, content) {
            Ok(()) => reply.written(content.len() as u32),
            Err(_) => reply.error(Errno::EIO),
        }
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        match self.0.state().cache.flush() {
            Ok(()) => reply.ok(),
            Err(_) => reply.error(Errno::EIO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_is_cut_after_so_many_more_writes() {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(16 * BLOCK as u64).unwrap();
        let disk = Arc::new(Disk::new(Cache::open(image.path()).unwrap()));
        disk.write(0, &[1; BLOCK]).unwrap();
        let order = Order { kept: Kept::All, chance: Chance::new(1), writes: 3, within: Duration::MAX };
        let cut = std::thread::spawn({
            let disk = Arc::clone(&disk);
            move || disk.cut(order).unwrap()
        });
        while disk.state().order.is_none() {
            std::thread::yield_now();
        }
        let written = (1..16).take_while(|&at| disk.write(at * BLOCK as u64, &[1; BLOCK]).is_ok()).count();
        assert_eq!(written, 3);
        assert_eq!(cut.join().unwrap(), Unflushed { written: 4, kept: 4 });
    }
}
