//! ONNX Runtime: loading its shared library, and opening sessions with settings that suit a small board.
//!
//! The library is found by path at run time, so that Pipit builds without a download. Nothing here knows what a
//! model computes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use crate::error::ModelError;

/// A process can hold one ONNX Runtime: its environment is global to the library.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// ONNX Runtime, loaded. Cloning is cheap and shares it.
#[derive(Clone, Debug)]
pub struct Runtime {
    environment: Environment,
    library: Arc<Path>,
}

/// How a session spends threads and memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// Threads that work on one operator. One or two on a small board: the rest of the daemon needs the others.
    pub intra_threads: usize,
    /// Whether the runtime plans one block of memory for a whole pass. It pays where the input's shape is always the
    /// same, and wastes memory where it varies, as a voice's does.
    pub memory_pattern: bool,
}

impl Default for SessionSettings {
    fn default() -> Self {
        SessionSettings { intra_threads: 1, memory_pattern: true }
    }
}

impl Runtime {
    /// Loads the library at `path`, or returns the one that this process has loaded from there before.
    ///
    /// # Errors
    /// [`ModelError::Runtime`] if there is no such file, if it is not ONNX Runtime 1.17 or newer, or if the process has
    /// already loaded another file.
    pub fn load(path: &Path) -> Result<Runtime, ModelError> {
        let failed = |reason: String| ModelError::Runtime { path: path.to_owned(), reason };
        // A bare name would be looked up beside the executable and then on the system's search path, where an old
        // version may lie; a path that has been resolved means one file.
        let library = path.canonicalize().map_err(|error| failed(error.to_string()))?;

        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*loaded {
            if *runtime.library == *library {
                return Ok(runtime.clone());
            }
            return Err(failed(format!(
                "this process has already loaded {}, and can hold only one",
                runtime.library.display()
            )));
        }
        let runtime = Runtime::start(library).map_err(failed)?;
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    fn start(library: PathBuf) -> Result<Runtime, String> {
        let environment = ort::init_from(&library)
            .map_err(|error| error.to_string())?
            .with_name("pipit")
            .with_telemetry(false)
            .with_logger(Arc::new(log))
            .build()
            .map_err(|error| error.to_string())?;
        // With a logger of our own the library would format every step of every pass for it.
        environment.set_log_level(LogLevel::Warning);
        Ok(Runtime { environment, library: library.into() })
    }

    /// The file that the library was loaded from.
    #[must_use]
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// Opens the ONNX file at `path`; `model` names it in errors.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Unusable`].
    pub fn session(&self, model: &'static str, path: &Path, settings: SessionSettings) -> Result<Session, ModelError> {
        std::fs::File::open(path).map_err(|error| ModelError::unreadable(model, path, &error))?;
        self.open(path, settings).map_err(|error| ModelError::unusable(model, path, error))
    }

    fn open(&self, path: &Path, settings: SessionSettings) -> ort::Result<Session> {
        Session::builder(&self.environment)?
            .with_intra_threads(settings.intra_threads.max(1))?
            .with_inter_threads(1)?
            // A spinning thread is a little quicker to answer and costs a quarter more CPU, which others need.
            .with_intra_op_spinning(false)?
            .with_memory_pattern(settings.memory_pattern)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .commit_from_file(path)
    }
}

/// Refuses a file whose inputs or outputs are not those that the model's code will ask for.
pub(crate) fn expect_names(
    session: &Session,
    model: &'static str,
    path: &Path,
    inputs: &[&str],
    outputs: &[&str],
) -> Result<(), ModelError> {
    let has = |outlets: &[ort::value::Outlet], wanted: &[&str]| {
        wanted.iter().all(|name| outlets.iter().any(|outlet| outlet.name() == *name))
    };
    if has(session.inputs(), inputs) && has(session.outputs(), outputs) {
        return Ok(());
    }
    let names =
        |outlets: &[ort::value::Outlet]| outlets.iter().map(ort::value::Outlet::name).collect::<Vec<_>>().join(", ");
    Err(ModelError::unusable(
        model,
        path,
        format!(
            "its inputs are ({}) and outputs ({}) instead of ({}) and ({})",
            names(session.inputs()),
            names(session.outputs()),
            inputs.join(", "),
            outputs.join(", ")
        ),
    ))
}

/// Every failure also reaches the caller as an error, so what the library says is for whoever debugs it.
fn log(level: LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    tracing::debug!(target: "onnxruntime", ?level, category, location, "{message}");
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::PathBuf;

    use super::Runtime;

    /// The runtime that the set-up has put beside the models.
    pub(crate) fn runtime() -> Runtime {
        let models = std::env::var_os("PIPIT_MODELS_DIR").map(PathBuf::from).unwrap_or_else(|| {
            let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
            let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".local/share");
            data.unwrap_or_else(home).join("pipit/models")
        });
        Runtime::load(&models.join("onnxruntime/libonnxruntime.so")).expect("run `firmware-host/setup.sh test`")
    }
}
