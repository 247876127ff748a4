//! What can go wrong with a model, in words for the person who has to mend it.

use std::path::{Path, PathBuf};

use crate::service::ServiceError;

/// Why a model could not be loaded or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// ONNX Runtime's shared library is missing, is not that library, or is too old.
    #[error("cannot load ONNX Runtime from {path}: {reason}. Put libonnxruntime.so, version 1.17 or newer, there; Pipit's set-up script does it", path = .path.display())]
    Runtime {
        /// Where the library was looked for.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// There is no file where the model should be.
    #[error("the {model} model is missing: there is no file {path}. Pipit's set-up script and `pipit models pull` fetch models", path = .path.display())]
    Missing {
        /// Which model.
        model: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is there, and is damaged or is another model.
    #[error("{path} cannot be used as {model}: {reason}. Remove the file and fetch it again", path = .path.display())]
    Unusable {
        /// Which model was wanted.
        model: &'static str,
        /// The file; `<built in>` for the recogniser in the box.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What ONNX Runtime is to run could not be made of the model's file.
    #[error("{model} can't be compiled for ONNX Runtime into {folder}: {reason}", model = .model.display(), folder = .folder.display())]
    NotCompiled {
        /// The model's file; `<built in>` for the recogniser in the box.
        model: PathBuf,
        /// Where it would lie.
        folder: PathBuf,
        /// What is missing, and what to do.
        reason: String,
    },
    /// The settings ask for something that this model cannot do.
    #[error("{0}")]
    Settings(String),
    /// The model was loaded and then failed.
    #[error("{model} failed: {reason}")]
    Inference {
        /// Which model.
        model: &'static str,
        /// What the library said.
        reason: String,
    },
    /// A service in place of a model did not answer.
    #[error("{0}")]
    Service(ServiceError),
    /// The caller asked for the work to stop, and it did.
    #[error("the work was cancelled")]
    Cancelled,
}

impl From<ServiceError> for ModelError {
    fn from(error: ServiceError) -> Self {
        if matches!(error, ServiceError::Cancelled) { ModelError::Cancelled } else { ModelError::Service(error) }
    }
}

impl ModelError {
    /// For use with `map_err` where a model that had been loaded fails.
    pub(crate) fn inference<E: std::fmt::Display>(model: &'static str) -> impl Fn(E) -> ModelError {
        move |error| ModelError::Inference { model, reason: error.to_string() }
    }

    pub(crate) fn unusable(model: &'static str, path: &Path, reason: impl std::fmt::Display) -> ModelError {
        ModelError::Unusable { model, path: path.to_owned(), reason: reason.to_string() }
    }

    /// Says whether a file is missing or cannot be read.
    pub(crate) fn unreadable(model: &'static str, path: &Path, error: &std::io::Error) -> ModelError {
        if error.kind() == std::io::ErrorKind::NotFound {
            return ModelError::Missing { model, path: path.to_owned() };
        }
        ModelError::unusable(model, path, format!("it cannot be read ({error})"))
    }
}
