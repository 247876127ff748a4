//! What the board has: processor, cores, memory. Decides nothing; [`crate::catalogue`] chooses by it.

use std::fs;
use std::thread;

/// A machine, as far as the choice of models depends on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Board {
    /// What people call it: the device tree's model, else the processor's name.
    pub name: String,
    /// The processor's architecture, as in [`std::env::consts::ARCH`].
    pub arch: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Bytes of memory that this process may use.
    pub memory: u64,
    /// Speed, with the threads that a model is given, against one thread of the machine on which the catalogue's figures
    /// were taken. Coarse: from published figures of Whisper, Piper and Kokoro on each core.
    pub speed: f64,
}

impl Board {
    /// Looks at this machine.
    #[must_use]
    pub fn detect() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self::from_system_files(
            std::env::consts::ARCH,
            thread::available_parallelism().map_or(1, usize::from),
            &SystemFiles {
                device_tree_model: read("/proc/device-tree/model"),
                cpuinfo: read("/proc/cpuinfo"),
                meminfo: read("/proc/meminfo"),
                cgroup_memory_max: read("/sys/fs/cgroup/memory.max"),
            },
        )
    }

    /// Reads a machine off the text of its system files; what is missing from them is assumed small and slow.
    #[must_use]
    pub fn from_system_files(arch: &str, cores: usize, files: &SystemFiles) -> Self {
        let device = files.device_tree_model.trim_end_matches('\0').trim();
        let name = match device {
            "" => field(&files.cpuinfo, "model name").unwrap_or_else(|| format!("{arch} machine")),
            model => model.to_owned(),
        };
        let total = memory(&files.meminfo, "MemTotal").unwrap_or(0);
        // In a container the limit is what counts; without one the file says "max".
        let limit = files.cgroup_memory_max.trim().parse().unwrap_or(u64::MAX);
        let speed = match arch {
            "x86_64" => x86_speed(&field(&files.cpuinfo, "flags").unwrap_or_default()),
            _ => arm_speed(&field(&files.cpuinfo, "CPU part").unwrap_or_default()),
        };
        let cores = cores.max(1);
        // The figures of the Arm cores are for four of them at work.
        let speed = if arch == "x86_64" { speed } else { speed * cores.min(4) as f64 / 4.0 };
        Board { name, arch: arch.to_owned(), cores, memory: total.min(limit), speed }
    }

    /// Bytes that the recogniser and the voice may take together: half, the rest being for the system, the daemon and
    /// what else the board does.
    #[must_use]
    pub fn memory_for_models(&self) -> u64 {
        self.memory / 2
    }

    /// Names the board for its measurements: equal as long as they still tell something.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("{}, {}, {} cores", self.name, self.arch, self.cores)
    }
}

/// The text of the files that tell about a Linux machine; empty where there is none.
#[derive(Clone, Debug, Default)]
pub struct SystemFiles {
    /// `/proc/device-tree/model`.
    pub device_tree_model: String,
    /// `/proc/cpuinfo`.
    pub cpuinfo: String,
    /// `/proc/meminfo`.
    pub meminfo: String,
    /// `/sys/fs/cgroup/memory.max`.
    pub cgroup_memory_max: String,
}

/// Bytes of memory that are free or can be freed at once; none where the kernel does not tell.
pub(crate) fn available_memory() -> Option<u64> {
    memory(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable")
}

/// The value of a line `key: value`.
fn field(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

/// The value of a line of `/proc/meminfo`, in bytes.
fn memory(meminfo: &str, key: &str) -> Option<u64> {
    let kib = field(meminfo, key)?.split_whitespace().next()?.parse::<u64>().ok()?;
    Some(kib * 1024)
}

fn x86_speed(flags: &str) -> f64 {
    let has = |flag| flags.split_whitespace().any(|known| known == flag);
    if has("avx512f") {
        1.0
    } else if has("avx2") && has("fma") {
        0.7
    } else {
        0.15
    }
}

/// By the part number that Linux shows for an Arm core (Arm's Technical Reference Manuals, register MIDR).
fn arm_speed(part: &str) -> f64 {
    match part {
        "0xd08" => 0.118,                   // Cortex-A72: Raspberry Pi 4
        "0xd0b" => 0.275,                   // Cortex-A76: Raspberry Pi 5, RK3588
        "0xd40" | "0xd41" | "0xd4b" => 0.4, // Neoverse V1, Cortex-A78 and A78C
        "0xd0c" | "0xd49" | "0xd4f" => 0.4, // Neoverse N1, N2 and V2
        "0xd05" => 0.06,                    // Cortex-A55
        _ => 0.05,                          // Cortex-A53 (Raspberry Pi 3, Zero 2 W) and what is not known
    }
}
