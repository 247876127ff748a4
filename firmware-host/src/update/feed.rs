//! Where other versions come from: a server, or a folder such as a USB stick.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, bail, ensure};
use minisign_verify::PublicKey;
use pipit_core::chat::Tier;
use pipit_models::catalogue::{ModelFile, Sha256};
use pipit_models::download::{Downloader, Progress};
use url::Url;

use super::manifest::{LONGEST, Manifest, Package};
use crate::identity;

/// A feed, and the key that vouches for what is in it.
pub struct Feed {
    from: From,
    key: PublicKey,
}

enum From {
    Folder(PathBuf),
    Server(Url),
}

impl Feed {
    /// The folder or the server that `from` names, with the public key that minisign shows.
    ///
    /// # Errors
    /// The key is none.
    pub fn new(from: &str, key: &str) -> anyhow::Result<Feed> {
        let key = PublicKey::from_base64(key.trim())
            .map_err(|error| anyhow::anyhow!("update.key is no public key of minisign's ({error})"))?;
        let from = match Url::parse(from) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                let slash = if url.path().ends_with('/') { "" } else { "/" };
                From::Server(Url::parse(&format!("{from}{slash}")).context("update.feed is no address")?)
            }
            _ => From::Folder(PathBuf::from(from)),
        };
        Ok(Feed { from, key })
    }

    /// The manifest called `name`, once its signature holds.
    ///
    /// # Errors
    /// It is not there, or not gone by.
    pub async fn manifest(&self, name: &str) -> anyhow::Result<Manifest> {
        let (json, signature) = (self.read(name).await?, self.read(&format!("{name}.minisig")).await?);
        let signature = String::from_utf8(signature).with_context(|| format!("{name}.minisig is no signature"))?;
        Manifest::open(&json, &signature, &self.key).with_context(|| self.described(name))
    }

    async fn read(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let read = match &self.from {
            From::Folder(folder) => {
                let mut text = Vec::new();
                let file = fs::File::open(folder.join(name)).with_context(|| self.described(name))?;
                file.take(LONGEST as u64 + 1).read_to_end(&mut text).with_context(|| self.described(name))?;
                text
            }
            From::Server(url) => {
                let address = url.join(name)?;
                let client = identity::client(&address, Tier::of_url(address.as_str())).map_err(anyhow::Error::msg)?;
                let mut response = client.get(address).send().await.map_err(reqwest::Error::without_url);
                let response =
                    response.as_mut().map_err(|error| anyhow::anyhow!("{}: {error}", self.described(name)))?;
                ensure!(
                    response.status().is_success(),
                    "{}: the server answers {}",
                    self.described(name),
                    response.status()
                );
                let mut text = Vec::new();
                while let Some(part) = response.chunk().await.map_err(reqwest::Error::without_url)? {
                    text.extend_from_slice(&part);
                    ensure!(text.len() <= LONGEST, "{} is far too long", self.described(name));
                }
                text
            }
        };
        ensure!(read.len() <= LONGEST, "{} is far too long", self.described(name));
        Ok(read)
    }

    /// Brings a package into `folder`, whole and with the right hash; what arrived at an earlier attempt is gone on from.
    ///
    /// # Errors
    /// It can't be had, or is not what was signed.
    pub fn bring(
        &self,
        package: &Package,
        folder: &Path,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> anyhow::Result<PathBuf> {
        let Package { file, bytes, sha256 } = package;
        let to = folder.join(file);
        match &self.from {
            From::Server(url) => {
                let address = url.join(file)?.to_string();
                let wanted = ModelFile {
                    name: file.clone(),
                    url: Some(address),
                    package: None,
                    bytes: Some(*bytes),
                    sha256: Some(*sha256),
                };
                Downloader::default().pull_alone(folder, &wanted, progress, &AtomicBool::new(false))?;
            }
            From::Folder(from) => {
                let source = from.join(file);
                let length = fs::metadata(&source).with_context(|| self.described(file))?.len();
                ensure!(
                    length == *bytes,
                    "{} has {length} bytes instead of {bytes}; copy it anew",
                    self.described(file)
                );
                fs::copy(&source, &to)
                    .with_context(|| format!("{} can't be copied to {}", source.display(), to.display()))?;
                let found = Sha256::of(&fs::read(&to).with_context(|| to.display().to_string())?);
                if found != *sha256 {
                    // Nothing is left that could be taken for what it is not.
                    let _ = fs::remove_file(&to);
                    bail!("{} hashes to {found} instead of {sha256}; copy it anew", self.described(file));
                }
            }
        }
        Ok(to)
    }

    fn described(&self, name: &str) -> String {
        match &self.from {
            From::Folder(folder) => folder.join(name).display().to_string(),
            From::Server(url) => format!("{name} of the feed at {}", url.host_str().unwrap_or_default()),
        }
    }
}
