//! `orlop log`

use clap::Args;
use orlop_repo::log::{Body, Entry};
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::json::time_ms;
use crate::cli::table::Table;
use crate::cli::{human, repository};

/// Show the repository's history: who began, committed, forgot and swept what, and when
///
/// Each entry is proven to follow the one before it. Times are those of the clocks of whoever wrote
/// an entry.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!("orlop log --last 20"))]
pub(in crate::cli) struct Log {
    /// Only the newest entries
    #[arg(long, value_name = "N")]
    last: Option<u64>,
}

/// An entry: a line of `orlop log --json`.
#[derive(Debug, Serialize)]
struct EntryMessage {
    /// Always `entry`.
    message_type: &'static str,
    /// Its number.
    number: u64,
    /// By its writer's clock.
    time: Option<String>,
    /// What it is, such as `begin` or `commit`.
    kind: &'static str,
    /// What it says, for people.
    text: String,
    /// Hash of its stored bytes.
    hash: String,
}

impl Log {
    /// Prints one line an entry, oldest first.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let chain = repository.chain().await;
        let next = chain.state().next;
        let first = self.last.map_or(0, |last| next.saturating_sub(last));
        let mut out = context.output();
        let mut table = Table::new(&[">#", "Time", "What", ""]);
        let mut previous = None;
        for number in first..next {
            let entry = chain.entry(number).await.map_err(|error| {
                Failure::new(format!("cannot read entry {number} of the log")).because(error)
            })?;
            if previous.is_some_and(|hash| hash != entry.previous) {
                return Err(Failure::new(format!(
                    "entry {number} of the log does not follow the one before it"
                ))
                .next("run `orlop check`; somebody may have changed the store"));
            }
            previous = Some(entry.hash);
            if context.options.json {
                out.json(&message(&entry))?;
            } else {
                table.row([
                    entry.number.to_string(),
                    human::local_time(entry.time_ms),
                    entry.body.kind_name().to_owned(),
                    human::name(describe(&entry.body).as_bytes()),
                ]);
            }
        }
        if !context.options.json {
            for line in table.lines() {
                out.line(line)?;
            }
        }
        out.flush()?;
        Ok(ExitStatus::Done)
    }
}

fn message(entry: &Entry) -> EntryMessage {
    EntryMessage {
        message_type: "entry",
        number: entry.number,
        time: time_ms(entry.time_ms),
        kind: entry.body.kind_name(),
        text: describe(&entry.body),
        hash: entry.hash.to_string(),
    }
}

/// What an entry says, as a phrase.
fn describe(body: &Body) -> String {
    let packs = |number: u64| human::count(number, "pack", "packs");
    match body {
        Body::Init(init) => human::count(init.slots.len() as u64, "key slot", "key slots"),
        Body::Begin(begin) => {
            let base = begin
                .base
                .map_or(String::new(), |base| format!(" on {base:.8}"));
            let adopts = match begin.adopts.len() {
                0 => String::new(),
                number => format!(", goes on from {number} that were cut off"),
            };
            let volume = match &begin.volume {
                Some(volume) => format!(" of {volume}"),
                None => String::new(),
            };
            let role = format!("{:?}", begin.role).to_lowercase();
            format!(
                "{role} session {:.8}{volume}{base}{adopts}, {}",
                begin.session, begin.client
            )
        }
        Body::Checkpoint(checkpoint) => format!(
            "session {:.8}, {} more",
            checkpoint.session,
            packs(checkpoint.packs.len())
        ),
        Body::Commit(commit) => format!(
            "session {:.8}, snapshot {:.8} of {}, {} more",
            commit.session,
            commit.snapshot.id,
            commit.snapshot.volume,
            packs(commit.packs.len())
        ),
        Body::End(session) | Body::Kill(session) => format!("session {session:.8}"),
        Body::Forget(forget) => ids(&forget.snapshots),
        Body::Unforget(unforget) => ids(&unforget.snapshots),
        Body::Condemn(condemn) => packs(condemn.packs.len()),
        Body::Sweep(sweep) => packs(sweep.packs.len()),
        Body::Swept(swept) => format!("entry {}", swept.sweep),
        Body::Relocate(relocate) => format!(
            "out of {} into {}",
            packs(relocate.old.len()),
            packs(relocate.keepers.len())
        ),
        Body::MergeIndex(merge) => format!(
            "{} into {}",
            human::count(merge.removed.len() as u64, "segment", "segments"),
            merge.added.len()
        ),
        Body::Fold(fold) => format!("the state after entry {}", fold.number),
        Body::SlotAdd(slot) => slot.name.clone(),
        Body::SlotRemove(slot) => slot.name.clone(),
        Body::Generation(generation) => format!("keys of generation {}", generation.number),
        Body::Lost(lost) => human::count(lost.chunks.len() as u64, "chunk", "chunks"),
        Body::Found(found) => human::count(found.chunks.len() as u64, "chunk", "chunks"),
        Body::Feature(feature) => [&feature.read, &feature.write, &feature.collect]
            .into_iter()
            .flatten()
            .cloned()
            .collect::<Vec<_>>()
            .join(", "),
        Body::Close(close) => format!("goes on in generation {}", close.next),
        Body::Open(open) => format!("goes on from generation {}", open.generation),
        Body::Unknown(kind) => format!("kind {kind}, of a newer version"),
    }
}

fn ids(ids: &[orlop_repo::model::SnapshotId]) -> String {
    ids.iter()
        .map(|id| format!("{id:.8}"))
        .collect::<Vec<_>>()
        .join(", ")
}
