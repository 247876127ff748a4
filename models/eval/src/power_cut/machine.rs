//! A disk that forgets, with a file system on it: what is plugged in, mounted, cut off and looked at again.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum as _;
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags};
use nix::sched::CloneFlags;

use super::cache::{Kept, Unflushed};

const BYTES: u64 = 384 << 20;
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// Says what is missing where no such disk can be made.
pub(crate) fn is_possible() -> Result<()> {
    ensure!(nix::unistd::Uid::effective().is_root(), "disks are made and mounted here: run it as root");
    for device in ["/dev/fuse", "/dev/loop-control"] {
        ensure!(Path::new(device).exists(), "there is no {device}: this kernel, or this container, has no such disks");
    }
    for (program, package) in [("mkfs.ext4", "e2fsprogs"), ("mount", "mount")] {
        let found = Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
        ensure!(found.is_ok(), "there is no {program}; apt-get install {package}");
    }
    Ok(())
}

/// From now on this thread and what it starts have mounts of their own, which end with them.
pub(crate) fn keep_mounts_apart() -> Result<()> {
    let apart = nix::sched::unshare(CloneFlags::CLONE_NEWNS).and_then(|()| {
        nix::mount::mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
    });
    apart.context("this process can't have mounts of its own: it takes root, and a container that allows it")
}

pub(crate) struct Machine {
    image: PathBuf,
    /// Where the disk is a file.
    fuse: PathBuf,
    /// Where its file system is.
    disk: PathBuf,
    options: &'static str,
    plugged: Option<Plugged>,
}

/// The process that serves the disk.
struct Plugged {
    process: Child,
    orders: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Machine {
    /// One without a disk, which keeps what it needs in this folder. Its file system is mounted with these options.
    pub(crate) fn new(folder: &Path, options: &'static str) -> Result<Machine> {
        let [image, fuse, disk] = ["image", "fuse", "disk"].map(|name| folder.join(name));
        fs::create_dir(&fuse)?;
        fs::create_dir(&disk)?;
        Ok(Machine { image, fuse, disk, options, plugged: None })
    }

    /// Where the file system is, while it is mounted.
    pub(crate) fn disk(&self) -> &Path {
        &self.disk
    }

    /// Mounts an empty disk.
    pub(crate) fn begin_disk(&mut self) -> Result<()> {
        File::create(&self.image)?.set_len(BYTES)?;
        self.plug_in()?;
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-b", "4096"]).arg(self.fuse.join("disk")))?;
        self.mount()
    }

    /// Flushes whatever was written.
    pub(crate) fn sync(&self) -> Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.disk)?)?)
    }

    /// Mounts what is left after a cut.
    pub(crate) fn begin_again(&mut self) -> Result<()> {
        self.plug_in()?;
        self.mount()
    }

    fn plug_in(&mut self) -> Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("forgetful-disk").args([&self.image, &self.fuse]).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Whoever ends this program from a terminal does not end the disk before what uses it.
        let mut process = command.process_group(0).spawn()?;
        let orders = process.stdin.take().context("its input is a pipe")?;
        let told = BufReader::new(process.stdout.take().context("its output is a pipe")?);
        let plugged = self.plugged.insert(Plugged { process, orders, told });
        ensure!(plugged.line()? == "mounted", "the disk can't be made");
        Ok(())
    }

    fn mount(&self) -> Result<()> {
        let options = format!("loop,{}", self.options);
        run(Command::new("mount").args(["-t", "ext4", "-o", &options]).arg(self.fuse.join("disk")).arg(&self.disk))
    }

    /// The power goes after so many more writes, but soon; what is left is in the image.
    pub(crate) fn cut(&mut self, kept: Kept, seed: u64, writes: u64) -> Result<Unflushed> {
        let plugged = self.plugged.as_mut().context("there is no disk")?;
        let kept = kept.to_possible_value().context("each has a name")?;
        writeln!(plugged.orders, "{} {seed} {writes}", kept.get_name())?;
        let line = plugged.line()?;
        let (written, kept) = line.split_once(' ').context("it tells two numbers")?;
        Ok(Unflushed { written: written.parse()?, kept: kept.parse()? })
    }

    /// Takes the disk away. Nobody may use it any more, or not for long.
    pub(crate) fn unplug(&mut self) -> Result<()> {
        unmount(&self.disk)?;
        unmount(&self.fuse)?;
        if let Some(Plugged { mut process, orders, told }) = self.plugged.take() {
            drop((orders, told));
            process.wait()?;
        }
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Where it can't be unmounted, it goes with the process that has it mounted.
        let _ = self.unplug();
    }
}

impl Plugged {
    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        ensure!(line.ends_with('\n'), "the disk is gone");
        Ok(line.trim_end().to_owned())
    }
}

fn run(command: &mut Command) -> Result<()> {
    let done = command.output().with_context(|| format!("{} does not run", command.get_program().display()))?;
    ensure!(done.status.success(), "{:?}: {}", command.get_program(), String::from_utf8_lossy(&done.stderr).trim());
    Ok(())
}

/// Waits until nobody uses it: what was killed is gone a moment later.
fn unmount(place: &Path) -> Result<()> {
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        match nix::mount::umount2(place, MntFlags::empty()) {
            // There is nothing mounted.
            Ok(()) | Err(Errno::EINVAL) => return Ok(()),
            Err(Errno::EBUSY) => thread::sleep(PAUSE),
            Err(error) => return Err(error).with_context(|| format!("{} can't be unmounted", place.display())),
        }
    }
    bail!("{} can't be unmounted: something uses it", place.display())
}
