//! The disk that forgets what was not flushed, with ext4 on it: what programs may rely on when the power goes, and what not.
//!
//! It takes root, /dev/fuse and loop devices; where one of them is missing, each test prints that it is skipped.
#![allow(clippy::unwrap_used, reason = "this is test code, which clippy sees only inside of test functions")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags};
use nix::sched::CloneFlags;
use tempfile::TempDir;

const BYTES: u64 = 32 << 20;
const BLOCK: u64 = 4096;

/// A machine whose power can be cut, and its disk.
struct Machine {
    folder: TempDir,
    serving: Option<Child>,
}

impl Machine {
    /// One with an empty disk, or none where it can't be had.
    fn new() -> Option<Machine> {
        let missing = ["/dev/fuse", "/dev/loop-control"].into_iter().find(|device| !Path::new(device).exists());
        let missing = missing.map(|device| format!("there is no {device}"));
        // The mounts are this thread's own, and end with it.
        let missing = missing.or_else(|| {
            nix::sched::unshare(CloneFlags::CLONE_NEWNS).err().map(|_| "it takes root to mount".to_owned())
        });
        if let Some(missing) = missing {
            println!("skipped: {missing}");
            return None;
        }
        nix::mount::mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
            .unwrap();
        let mut machine = Machine { folder: tempfile::tempdir().unwrap(), serving: None };
        for folder in ["fuse", "disk"] {
            fs::create_dir(machine.at(folder)).unwrap();
        }
        File::create(machine.at("image")).unwrap().set_len(BYTES).unwrap();
        machine.plug_in();
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-b", "4096"]).arg(machine.at("fuse/disk")));
        machine.mount();
        rustix::fs::syncfs(File::open(machine.at("disk")).unwrap()).unwrap();
        Some(machine)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn plug_in(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipit-eval"));
        command.arg("forgetful-disk").args([self.at("image"), self.at("fuse")]);
        let mut serving = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        assert_eq!(line(&mut serving), "mounted");
        self.serving = Some(serving);
    }

    fn mount(&self) {
        // Nothing is written by itself for a while, so that what is not flushed is surely not there.
        let options = "loop,noauto_da_alloc,commit=300";
        run(Command::new("mount").args(["-t", "ext4", "-o", options]).arg(self.at("fuse/disk")).arg(self.at("disk")));
    }

    /// Orders to cut the power, after so many more writes or soon.
    fn order(&mut self, kept: &str, writes: u32) {
        let orders = self.serving.as_mut().unwrap().stdin.as_mut().unwrap();
        writeln!(orders, "{kept} 1 {writes}").unwrap();
    }

    /// Waits until it is cut, and tells how many blocks were written and kept.
    fn off(&mut self) -> (usize, usize) {
        let told = line(self.serving.as_mut().unwrap());
        let (written, kept) = told.split_once(' ').unwrap();
        (written.parse().unwrap(), kept.parse().unwrap())
    }

    /// Cuts the power, and has it come back.
    fn cut(&mut self, kept: &str) {
        self.order(kept, 0);
        self.off();
        self.unplug();
        self.plug_in();
        self.mount();
    }

    fn unplug(&mut self) {
        self.unmount("disk");
        self.unmount("fuse");
        self.serving.take().unwrap().wait().unwrap();
    }

    fn unmount(&self, mounted: &str) {
        loop {
            match nix::mount::umount2(&self.at(mounted), MntFlags::empty()) {
                // It is not mounted any more.
                Ok(()) | Err(Errno::EINVAL) => return,
                // The loop device lets go of the file a moment after it was unmounted.
                Err(Errno::EBUSY) => std::thread::yield_now(),
                Err(error) => panic!("{mounted}: {error}"),
            }
        }
    }

    /// Writes a file with some bytes in several blocks.
    fn write(&self, name: &str, byte: u8) -> File {
        let mut file = File::create(self.at("disk").join(name)).unwrap();
        file.write_all(&[byte; 10_000]).unwrap();
        file
    }

    /// Whether there is such a file, and all of it.
    fn has(&self, name: &str, byte: u8) -> bool {
        fs::read(self.at("disk").join(name)).is_ok_and(|content| content == [byte; 10_000])
    }

    fn sync_folder(&self) {
        File::open(self.at("disk")).unwrap().sync_all().unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.at("disk").join(from), self.at("disk").join(to)).unwrap();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.serving.is_some() && !std::thread::panicking() {
            self.unplug();
        }
    }
}

fn line(of: &mut Child) -> String {
    let mut line = String::new();
    // Nothing more comes before the next order, so nothing more is read than this line.
    BufReader::with_capacity(1, of.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn what_was_synced_survives_and_what_was_not_is_forgotten() {
    let Some(mut machine) = Machine::new() else { return };
    machine.write("synced", 1).sync_all().unwrap();
    machine.sync_folder();
    machine.write("not synced", 2);
    machine.cut("none");
    assert!(machine.has("synced", 1));
    assert!(!machine.has("not synced", 2));
    assert!(!machine.at("disk/not synced").exists());
}

#[test]
fn a_file_that_takes_anothers_name_without_fsync_leaves_nothing_whole() {
    let Some(mut machine) = Machine::new() else { return };
    machine.write("file", 1).sync_all().unwrap();
    machine.sync_folder();
    machine.write("new", 2);
    machine.rename("new", "file");
    // The folder comes to the disk, the content does not: neither the old nor the new file is there.
    machine.sync_folder();
    machine.cut("none");
    assert!(!machine.has("file", 1) && !machine.has("file", 2));
}

#[test]
fn a_rename_is_forgotten_until_the_folder_is_synced() {
    let Some(mut machine) = Machine::new() else { return };
    machine.write("file", 1).sync_all().unwrap();
    machine.sync_folder();
    machine.write("new", 2).sync_all().unwrap();
    machine.rename("new", "file");
    machine.cut("none");
    assert!(machine.has("file", 1), "the old one");
    machine.rename("new", "file");
    machine.sync_folder();
    machine.cut("none");
    assert!(machine.has("file", 2), "the new one");
}

#[test]
fn nobody_is_told_that_something_is_on_the_disk_once_the_power_is_off() {
    let Some(mut machine) = Machine::new() else { return };
    let file = machine.write("file", 1);
    machine.order("all", 0);
    machine.off();
    assert!(file.sync_all().is_err());
    drop(file);
    machine.unplug();
    machine.plug_in();
    machine.mount();
    assert!(!machine.has("file", 1));
}

#[test]
fn what_is_written_before_the_cut_may_be_kept_and_nothing_after_it_is() {
    let Some(mut machine) = Machine::new() else { return };
    machine.unmount("disk");
    let disk = File::options().write(true).open(machine.at("fuse/disk")).unwrap();
    disk.write_all_at(&vec![0; BYTES as usize], 0).unwrap();
    disk.sync_all().unwrap();
    machine.order("all", 3);
    let blocks = 0..(BYTES / BLOCK) as usize;
    let written = blocks.take_while(|&at| disk.write_all_at(&[1; BLOCK as usize], at as u64 * BLOCK).is_ok()).count();
    assert_eq!(machine.off(), (written, written));
    assert!(written < (BYTES / BLOCK) as usize, "it was not cut");
    assert!(disk.write_all_at(&[1; BLOCK as usize], 0).is_err());
    drop(disk);
    machine.unplug();
    let image = fs::read(machine.at("image")).unwrap();
    assert_eq!(image.iter().filter(|&&byte| byte == 1).count(), written * BLOCK as usize);
}
