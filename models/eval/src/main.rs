//! Figures of merit over folders of labelled recordings: how well Pipit hears, takes turns and understands.
//!
//! Each command prints one line of figures, or one line of JSON. The folders' own formats are read where they lie;
//! nothing here decides anything that the daemon decides, it only counts.
// Printing figures is what this program is for.
#![allow(clippy::print_stdout)]

mod barge_in;
mod bench;
mod chance;
mod decisions;
mod devices;
mod endpoint;
mod engine;
mod figures;
mod intents;
mod llm_server;
mod manifest;
mod models;
mod mqtt;
mod normalise;
mod panel;
mod power_cut;
mod soak;
mod speech_service;
mod store;
mod streams;
mod stt;
mod stt_engines;
mod stt_following;
mod text_end;
mod vad;
mod words;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "pipit-eval", about = "Figures of merit over folders of labelled recordings")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Voice activity against who speaks when: a folder with a manifest.tsv and an .rttm file for each clip.
    Vad(Folder),
    /// Turn ends against recordings of people who pause: a folder with turn_events.tsv, beside the folders of its clips.
    Endpoint {
        #[command(flatten)]
        folder: Folder,
        /// Scores the decisions in this file in place of Pipit's own: a table with the columns `clip` and `at_s`.
        #[arg(long, conflicts_with = "grid")]
        decisions: Option<PathBuf>,
        /// Also compare with a grid search over Smart Turn's probability and two waits, and with fixed silences: one line
        /// for each of their best points.
        #[arg(long)]
        grid: bool,
    },
    /// Whether written sentences read finished: a folder with turnsense.tsv.
    TextEnd {
        #[command(flatten)]
        folder: Folder,
        /// Also print each row that is judged wrongly, on standard error.
        #[arg(long)]
        verbose: bool,
    },
    /// Hearing a person over Pipit's own voice, in simulated rooms: a folder whose folders have a manifest.tsv, with room
    /// impulse responses and with labelled speech.
    BargeIn(Folder),
    /// Transcripts against a manifest.tsv that has them.
    Stt {
        #[command(flatten)]
        folder: Folder,
        /// A Whisper model in ggml format, or `nano` for the one in the box.
        #[arg(long, default_value = "nano")]
        model: String,
        /// The language spoken.
        #[arg(long, default_value = "en")]
        language: String,
        /// Threads for the recogniser.
        #[arg(long, default_value_t = 1)]
        threads: usize,
        /// Also print each clip's words and what was made of them, on standard error.
        #[arg(long)]
        verbose: bool,
    },
    /// Whisper on ONNX Runtime beside whisper.cpp: whether they hear the same in a folder with a manifest.tsv.
    SttAgreement {
        #[command(flatten)]
        folder: Folder,
        /// A Whisper model in ggml format, or `nano` for the one in the box.
        #[arg(long, default_value = "nano")]
        model: String,
        /// How ONNX Runtime keeps the weights; all ways without.
        #[arg(long)]
        precision: Vec<String>,
        /// The most clips.
        #[arg(long, default_value_t = usize::MAX)]
        clips: usize,
    },
    /// Has espeak-ng say sentences, in several voices: a file of JSON lines with a `sentence` each, and a folder for the clips and
    /// their manifest.tsv.
    SttClips {
        sentences: PathBuf,
        folder: PathBuf,
        /// The most clips.
        #[arg(long, default_value_t = 300)]
        clips: usize,
        /// So many sentences in one clip, without a pause between them.
        #[arg(long, default_value_t = 1)]
        together: usize,
    },
    /// What is left to do at the end of each clip in a folder with a manifest.tsv, where the recogniser listens ahead while they are spoken, at one
    /// thread.
    SttFollow {
        #[command(flatten)]
        folder: Folder,
        /// A Whisper model in ggml format, or `nano` for the one in the box.
        #[arg(long, default_value = "nano")]
        model: String,
        /// How ONNX Runtime keeps the weights.
        #[arg(long, default_value = "fp32+block8")]
        precision: String,
        /// For a stand-in: it is told which words it is to say, in clips of 10 s that are made of those of the folder.
        #[arg(long)]
        prompted: bool,
        /// The most clips.
        #[arg(long, default_value_t = usize::MAX)]
        clips: usize,
    },
    /// Writes a model in ggml format with 16-bit numbers in place of smaller ones.
    InF16 {
        /// A Whisper model in ggml format, or `nano` for the one in the box.
        model: String,
        file: PathBuf,
    },
    /// Compiles a model for ONNX Runtime into a folder, to be looked at.
    SttCompile {
        /// A Whisper model in ggml format, or `nano` for the one in the box.
        model: String,
        folder: PathBuf,
        #[arg(long, default_value = "int8")]
        precision: String,
    },
    /// What one engine spends on 3 s of sound and ten tokens, at one thread.
    SttCost {
        /// A Whisper model in ggml format, or `nano` for the one in the box.
        model: String,
        /// How ONNX Runtime keeps the weights, such as int8+block8; without, whisper.cpp.
        #[arg(long)]
        precision: Option<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Written text to spoken words against files of `written~spoken` lines, one file for each class.
    Normalise {
        #[command(flatten)]
        folder: Folder,
        /// Also print each row that differs, on standard error.
        #[arg(long)]
        verbose: bool,
    },
    /// Recorded replies of LLM servers, read at 1 byte, at 37 bytes and whole: a folder of them.
    Streams {
        #[command(flatten)]
        folder: Folder,
        /// Also print what each comes to, on standard error.
        #[arg(long)]
        verbose: bool,
        /// Print what each complete reply comes to, and its bytes, as JSON in place of figures.
        #[arg(long)]
        replies: bool,
    },
    /// Sentences of home automation with Home Assistant's own pack: a folder with tests_LANG.jsonl and the pack's templates.
    Intents {
        #[command(flatten)]
        folder: Folder,
        /// A tag of BCP 47
        #[arg(long, default_value = "en")]
        lang: String,
        /// Home Assistant's sentences, which lie in the folder, or Pipit's own, which have no replies of their own.
        #[arg(long, value_enum, default_value_t = intents::Sentences::Ha)]
        pack: intents::Sentences,
        /// A table with the columns `sentence` and `scenario`: how many sentences that are not of the scenario `iot` would be
        /// taken for commands to a home.
        #[arg(long, value_name = "TSV")]
        others: Option<PathBuf>,
        /// How many things there are at least in the house: those of the folder, and made-up ones besides.
        #[arg(long, default_value_t = 0)]
        entities: usize,
        /// Also print each sentence that comes out wrong, on standard error.
        #[arg(long)]
        verbose: bool,
    },
    /// What it costs to read what devices made known over MQTT, and to command one of them by name or by a sentence.
    Devices {
        /// How many there are.
        #[arg(long, default_value_t = 2000)]
        entities: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// How Pipit gets on with a broker that is restarted, and with one that is killed under load. It needs mosquitto.
    Mqtt {
        /// How often the broker is killed.
        #[arg(long, default_value_t = 100)]
        restarts: usize,
        /// How many devices it makes known at once.
        #[arg(long, default_value_t = 2000)]
        entities: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Whether memory, handles and timers hold out over hours of speech and silence, which pass as fast as this machine can hear
    /// them, while devices and the panel go on. It needs mosquitto and espeak-ng.
    Soak {
        /// Hours of sound.
        #[arg(long, default_value_t = 24)]
        hours: u32,
        /// Folders with recordings of people, in WAV or FLAC files, who are heard beside the commands.
        #[arg(long, value_name = "FOLDER")]
        speech: Vec<PathBuf>,
        /// Another one for other sounds.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// What the store costs when it is full, beside the disk's own fsync. The folder keeps it for the next time.
    Store {
        #[command(flatten)]
        folder: Folder,
        /// How many messages it holds.
        #[arg(long, default_value_t = 1_000_000)]
        messages: usize,
    },
    /// What the chat engine itself takes before a language model's server has the request, and for each chunk of its reply.
    Engine {
        /// How often to ask.
        #[arg(long, default_value_t = 500)]
        requests: usize,
        /// Print one line of JSON in place of figures for people.
        #[arg(long)]
        json: bool,
    },
    /// What a speech service over HTTP costs beside what the server takes: one line for hearing, one for speaking.
    SpeechService {
        /// How often to ask for each.
        #[arg(long, default_value_t = 500)]
        requests: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Asks a running server that speaks OpenAI's language everything that Pipit asks of one: one line for each question.
    LlmServer {
        /// Its address, with the version, such as `http://localhost:8000/v1`.
        base_url: String,
        /// The model to ask, which it should have.
        #[arg(long)]
        model: String,
        /// The one key that it takes. Wrong ones are tried, too.
        #[arg(long)]
        key: Option<String>,
        /// How many tokens a prompt may have. More are tried, too.
        #[arg(long)]
        context: Option<usize>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// What is left in a store whose writer is killed at random moments: a folder without one.
    KillStore {
        #[command(flatten)]
        folder: Folder,
        /// How often.
        #[arg(long, default_value_t = 500)]
        times: usize,
    },
    /// Writes a Whisper model of a real one's size with random weights, which costs what the real one costs and says nothing.
    StandIn {
        /// The real one's name: tiny.en, tiny, base.en, base, small.en, small or large-v3-turbo.
        name: String,
        /// The file to write, in ggml's format.
        file: PathBuf,
    },
    /// What Pipit still has after its power was cut, again and again, while it was used. It needs root, FUSE, loop devices and espeak-ng.
    PowerCut {
        /// How often.
        #[arg(long, default_value_t = 300)]
        times: usize,
        /// Another one for other cuts.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The daemon; without this, the one beside this program.
        #[arg(long)]
        pipit: Option<PathBuf>,
        /// A library that the daemon runs with. With libeatmydata.so (of Debian's package libeatmydata1) nothing is flushed, and it has to
        /// find losses.
        #[arg(long, value_name = "LIBRARY")]
        preload: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Serves a disk that forgets what was not flushed: `power-cut` runs this.
    #[command(hide = true)]
    ForgetfulDisk { image: PathBuf, at: PathBuf },
    /// Does some of everything with a store and prints the memory that it took: `store` runs this.
    #[command(hide = true)]
    StoreMemory { file: PathBuf },
    /// Appends turns: `kill-store` runs and kills this.
    #[command(hide = true)]
    WriteUntilKilled { file: PathBuf, conversation: i64, first: usize },
    /// What the models cost on this machine, beside the Python packages where `--python` names an interpreter.
    Bench {
        #[command(flatten)]
        folder: Folder,
        /// A Python interpreter with the packages that `models/eval/peers/requirements.txt` lists.
        #[arg(long)]
        python: Option<PathBuf>,
        /// A Whisper model whose encoder is timed; may be given more than once.
        #[arg(long = "whisper")]
        whisper: Vec<PathBuf>,
    },
}

#[derive(Args)]
struct Folder {
    /// The folder.
    path: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    match CommandLine::parse().command {
        Command::Vad(folder) => figures::print(&vad::measure(&folder.path)?, folder.json),
        Command::Endpoint { folder, grid: false, decisions } => {
            figures::print(&endpoint::measure(&folder.path, decisions.as_deref())?, folder.json)
        }
        Command::Endpoint { folder, grid: true, .. } => {
            endpoint::compare(&folder.path)?.iter().try_for_each(|line| figures::print(line, folder.json))
        }
        Command::TextEnd { folder, verbose } => figures::print(&text_end::measure(&folder.path, verbose)?, folder.json),
        Command::BargeIn(folder) => figures::print(&barge_in::measure(&folder.path)?, folder.json),
        Command::Stt { folder, model, language, threads, verbose } => {
            let mut whisper = models::whisper(&model, language, threads)?;
            figures::print(&stt::measure(&folder.path, &mut whisper, verbose)?, folder.json)
        }
        Command::SttAgreement { folder, model, precision, clips } => {
            let lines = stt_engines::compare(&folder.path, &model, &stt_engines::precisions(&precision)?, clips)?;
            lines.iter().try_for_each(|line| figures::print(line, folder.json))
        }
        Command::SttClips { sentences, folder, clips, together } => {
            stt_engines::speak(&sentences, &folder, clips, together)
        }
        Command::SttFollow { folder, model, precision, prompted, clips } => {
            let precision = stt_engines::precision(&precision)?;
            figures::print(&stt_following::measure(&folder.path, &model, precision, prompted, clips)?, folder.json)
        }
        Command::InF16 { model, file } => models::in_f16(&model, &file),
        Command::SttCompile { model, folder, precision } => stt_engines::compile(&model, &folder, &precision),
        Command::SttCost { model, precision, json } => {
            let precision = precision.as_deref().map(stt_engines::precision).transpose()?;
            figures::print(&stt_engines::cost(&model, precision)?, json)
        }
        Command::Normalise { folder, verbose } => {
            figures::print(&normalise::measure(&folder.path, verbose)?, folder.json)
        }
        Command::Streams { folder, verbose, replies: false } => {
            figures::print(&streams::measure(&folder.path, verbose)?, folder.json)
        }
        Command::Streams { folder, .. } => {
            streams::replies(&folder.path)?.iter().for_each(|reply| println!("{reply}"));
            Ok(())
        }
        Command::Intents { folder, pack, others: Some(table), verbose, .. } => {
            figures::print(&intents::taken(&folder.path, &table, pack, verbose)?, folder.json)
        }
        Command::Intents { folder, lang, pack, entities, verbose, .. } => {
            figures::print(&intents::measure(&folder.path, (&lang, pack), entities, verbose)?, folder.json)
        }
        Command::Mqtt { restarts, entities, json } => figures::print(&mqtt::measure(entities, restarts)?, json),
        Command::Soak { hours, speech, seed, json } => {
            let figures = soak::measure(hours, &speech, seed)?;
            figures::print(&figures, json)?;
            anyhow::ensure!(figures.is_good(), "something does not hold out");
            Ok(())
        }
        Command::Devices { entities, json } => figures::print(&devices::measure(entities)?, json),
        Command::StandIn { name, file } => models::stand_in(&name, &file),
        Command::Store { folder, messages } => figures::print(&store::measure(&folder.path, messages)?, folder.json),
        Command::Engine { requests, json } => figures::print(&engine::measure(requests)?, json),
        Command::SpeechService { requests, json } => {
            speech_service::measure(requests)?.iter().try_for_each(|line| figures::print(line, json))
        }
        Command::LlmServer { base_url, model, key, context, json } => {
            let server = llm_server::Server { base_url, model, key, context };
            let rows = tokio::runtime::Runtime::new()?.block_on(llm_server::measure(&server))?;
            rows.iter().try_for_each(|row| figures::print(row, json))?;
            let bad = rows.iter().filter(|row| !row.is_good()).count();
            anyhow::ensure!(bad == 0, "{bad} of {} did not come as they should", rows.len());
            Ok(())
        }
        Command::KillStore { folder, times } => {
            let figures = store::killed::measure(&folder.path, times)?;
            figures::print(&figures, folder.json)?;
            anyhow::ensure!(figures.is_good(), "the store does not keep what it says it keeps");
            Ok(())
        }
        Command::PowerCut { times, seed, pipit, preload, json } => {
            let beside = || -> Result<PathBuf> { Ok(std::env::current_exe()?.with_file_name("pipit")) };
            let settings = power_cut::Settings { binary: pipit.map_or_else(beside, Ok)?, times, seed, preload };
            let figures = power_cut::measure(&settings)?;
            figures::print(&figures, json)?;
            anyhow::ensure!(figures.is_good(), "something was lost or damaged");
            Ok(())
        }
        Command::ForgetfulDisk { image, at } => power_cut::forgetful_disk::serve(&image, &at),
        Command::StoreMemory { file } => store::print_memory(&file),
        Command::WriteUntilKilled { file, conversation, first } => {
            store::killed::write_until_killed(&file, conversation, first)
        }
        Command::Bench { folder, python, whisper } => bench::measure(&folder.path, python.as_deref(), &whisper)?
            .iter()
            .try_for_each(|line| figures::print(line, folder.json)),
    }
}
