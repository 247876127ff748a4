//! What a feed says there is: a version and a package for each kind of board, under a minisign signature. Only what was signed with the key
//! that the owner trusts is ever looked at.

use std::collections::BTreeMap;

use minisign_verify::{PublicKey, Signature};
use pipit_models::catalogue::Sha256;
use semver::Version;
use serde::Deserialize;

/// The manifest of the newest version in a feed.
pub const NEWEST: &str = "pipit-newest.json";

/// Bytes of a manifest or a signature. They have some hundred.
pub const LONGEST: usize = 64 * 1024;

/// Bytes of the largest package that is taken for one.
const LARGEST: u64 = 500_000_000;

/// What a feed says of one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Which version it is.
    pub version: Version,
    packages: BTreeMap<String, Package>,
}

/// A Debian package.
#[derive(Clone, Debug, PartialEq)]
pub struct Package {
    /// Its name in the feed, which is no path.
    pub file: String,
    /// Its exact size.
    pub bytes: u64,
    /// What it hashes to.
    pub sha256: Sha256,
}

/// A manifest is not gone by.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum Refused {
    /// It is not signed, or with another key, or it was changed since.
    #[error("it is not signed with the key of update.key ({0}): nothing of it is installed")]
    NotSigned(String),
    /// What is signed is no manifest.
    #[error("it is signed, but it is no manifest of Pipit's ({0})")]
    Malformed(String),
    /// It has nothing for this board.
    #[error("Pipit {version} has no package for {board}, only for {there}")]
    OtherBoard {
        /// Which version it is.
        version: Version,
        /// What this board is called by Debian.
        board: String,
        /// Which boards there are packages for.
        there: String,
    },
}

/// The manifest of a version that may be gone back to.
pub fn name_of(version: &Version) -> String {
    format!("pipit-{version}.json")
}

#[derive(Deserialize)]
struct Written {
    version: Version,
    packages: BTreeMap<String, WrittenPackage>,
}

#[derive(Deserialize)]
struct WrittenPackage {
    file: String,
    bytes: u64,
    sha256: String,
}

impl Manifest {
    /// Reads a manifest once its signature holds.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn open(json: &[u8], signature: &str, key: &PublicKey) -> Result<Manifest, Refused> {
        let unsigned = |error: minisign_verify::Error| Refused::NotSigned(error.to_string());
        let signature = Signature::decode(signature).map_err(unsigned)?;
        // Signatures of the older kind, which are not over a hash, are taken too: minisign makes them for small files on request.
        key.verify(json, &signature, true).map_err(unsigned)?;
        let written: Written = serde_json::from_slice(json).map_err(|error| Refused::Malformed(error.to_string()))?;
        let packages = written.packages.into_iter().map(|(board, package)| Ok((board, package.checked()?)));
        Ok(Manifest { version: written.version, packages: packages.collect::<Result<_, Refused>>()? })
    }

    /// The package for a board, by Debian's name for its architecture.
    ///
    /// # Errors
    /// There is none.
    pub fn package(&self, board: &str) -> Result<&Package, Refused> {
        self.packages.get(board).ok_or_else(|| Refused::OtherBoard {
            version: self.version.clone(),
            board: board.to_owned(),
            there: self.packages.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }
}

impl WrittenPackage {
    fn checked(self) -> Result<Package, Refused> {
        let WrittenPackage { file, bytes, sha256 } = self;
        let malformed = |what: &str| Refused::Malformed(format!("{file}: {what}"));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+~".contains(c);
        if !file.ends_with(".deb") || file.starts_with('.') || !file.chars().all(is_plain) {
            return Err(malformed("is no name of a package"));
        }
        if bytes == 0 || bytes > LARGEST {
            return Err(malformed("no package has that size"));
        }
        let sha256 = Sha256::parse(&sha256).ok_or_else(|| malformed("its sha256 is none"))?;
        Ok(Package { file, bytes, sha256 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: &str) -> Result<Package, Refused> {
        serde_json::from_str::<WrittenPackage>(json).unwrap().checked()
    }

    #[test]
    fn a_package_is_a_plain_name_with_a_size_and_a_hash() {
        let hash = "a".repeat(64);
        let package = |file: &str, bytes: u64, hash: &str| {
            written(&serde_json::json!({"file": file, "bytes": bytes, "sha256": hash}).to_string())
        };
        assert!(package("pipit_0.2.0-1_arm64.deb", 5, &hash).is_ok());
        for file in ["../pipit.deb", "/tmp/pipit.deb", "pipit", ".deb", "a b.deb", "a\n.deb"] {
            assert!(matches!(package(file, 5, &hash), Err(Refused::Malformed(_))), "{file}");
        }
        assert!(package("pipit.deb", 0, &hash).is_err() && package("pipit.deb", u64::MAX, &hash).is_err());
        assert!(package("pipit.deb", 5, "a").is_err());
    }
}
