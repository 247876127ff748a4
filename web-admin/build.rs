//! The panel's files are embedded as `make ui` has built them.
#![allow(clippy::expect_used, reason = "a build script has nobody else to tell")]

use std::path::Path;

fn main() {
    let dist = Path::new("ui/dist");
    // Where it was not built, the daemon says so; that it compiles must not depend on Node.js.
    std::fs::create_dir_all(dist).expect("web-admin/ui/dist can be made, where the panel's files go");
    println!("cargo:rerun-if-changed=ui/dist");
}
