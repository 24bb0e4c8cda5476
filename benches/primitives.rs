//! What a first backup costs at least: the primitives, one after the other on one thread, with no
//! pipeline around them.
//!
//! ```sh
//! cargo run --release --example primitives -- FOLDER EMPTY_FOLDER
//! ```
//!
//! Prints the processor seconds of each as JSON; `benches/compare` sets their sum beside the
//! processor time of whole backups.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement: what fails ends it"
)]

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use orlop_agent::classify::{Effort, HEAD_LEN, classify, effort};
use orlop_chunker::{GearTable, Suite as Chunker, is_zero};
use orlop_repo::cuts::Cuts;
use orlop_repo::entropy::OsEntropy;
use orlop_repo::keys::{BlockOptions, Keyring};
use orlop_repo::seal::{BlockKind, Compression, Suite};

/// Plain bytes of a block, as the pipeline takes them.
const BLOCK: usize = 1 << 20;
/// Bytes that are written at once.
const PACK: usize = 16 << 20;

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(source), Some(target)) = (arguments.next(), arguments.next()) else {
        println!("usage: primitives FOLDER EMPTY_FOLDER [xaes]");
        return;
    };
    let suite = match arguments.next() {
        Some(name) if name.as_os_str() == "xaes" => Suite::Xaes256Gcm,
        _ => Suite::XChaCha20Poly1305,
    };
    let mut bench = Bench::new(suite, target);
    bench.folder(&source);
    bench.block();
    bench.flush();
    let sum: Duration = bench.spent.values().sum();
    let fields: Vec<String> = bench
        .spent
        .iter()
        .map(|(name, spent)| format!("\"{name}\": {:.3}", spent.as_secs_f64()))
        .collect();
    println!(
        "{{{}, \"sum\": {:.3}}}",
        fields.join(", "),
        sum.as_secs_f64()
    );
}

/// Processor time of this process.
fn used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap(),
        u32::try_from(time.tv_nsec).unwrap(),
    )
}

/// A piece of a file in the buffer: where it stands, where in the file it begins, the file's name
/// and size, and whether the file ends with it.
struct Piece {
    range: Range<usize>,
    name: Vec<u8>,
    size: u64,
    at: u64,
}

struct Bench {
    keys: Keyring,
    table: GearTable,
    target: PathBuf,
    seen: HashSet<[u8; 16]>,
    buffer: Vec<u8>,
    filled: usize,
    pieces: Vec<Piece>,
    pack: Vec<Vec<u8>>,
    packed: usize,
    packs: usize,
    spent: BTreeMap<&'static str, Duration>,
}

impl Bench {
    fn new(suite: Suite, target: PathBuf) -> Self {
        let keys = Keyring::generate(Arc::new(OsEntropy), suite).unwrap();
        Self {
            table: GearTable::new(keys.gear_secret()),
            keys,
            target,
            seen: HashSet::new(),
            buffer: vec![0; 2 * BLOCK],
            filled: 0,
            pieces: Vec::new(),
            pack: Vec::new(),
            packed: 0,
            packs: 0,
            spent: BTreeMap::new(),
        }
    }

    fn timed<T>(&mut self, what: &'static str, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = used();
        let result = work(self);
        *self.spent.entry(what).or_default() += used().saturating_sub(before);
        result
    }

    fn folder(&mut self, folder: &Path) {
        let mut entries = self.timed("stat", |_| {
            let entries = std::fs::read_dir(folder).unwrap();
            let with_stat = entries.map(|entry| {
                let path = entry.unwrap().path();
                let stat = std::fs::symlink_metadata(&path).unwrap();
                (path, stat)
            });
            with_stat.collect::<Vec<_>>()
        });
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        for (path, stat) in entries {
            if stat.is_dir() {
                self.folder(&path);
            } else if stat.is_file() && stat.len() > 0 {
                self.file(&path, stat.len());
            }
        }
    }

    fn file(&mut self, path: &Path, size: u64) {
        let name = path.file_name().unwrap().as_encoded_bytes().to_vec();
        let mut file = self.timed("read", |_| File::open(path).unwrap());
        let mut at = 0;
        while at < size {
            let want = usize::try_from(size - at).unwrap_or(BLOCK).min(BLOCK);
            let start = self.filled;
            self.timed("read", |bench| {
                file.read_exact(&mut bench.buffer[start..start + want])
                    .unwrap();
            });
            self.pieces.push(Piece {
                range: start..start + want,
                name: name.clone(),
                size,
                at,
            });
            self.filled += want;
            at += want as u64;
            if self.filled >= BLOCK {
                self.block();
            }
        }
    }

    /// Cuts, identifies, seals and verifies what is in the buffer. Each piece is cut by itself: the
    /// bytes and the work are those of a pipeline that carries the rest over.
    fn block(&mut self) {
        let pieces = std::mem::take(&mut self.pieces);
        let mut hardest = Effort::Least;
        let chunks = self.timed("cut", |bench| {
            let mut chunks = Vec::new();
            for piece in &pieces {
                let bytes = &bench.buffer[piece.range.clone()];
                let head = &bytes[..bytes.len().min(HEAD_LEN)];
                let class = classify(&piece.name, piece.size, head);
                hardest = hardest.max(effort(class, head));
                let cutting = class.cutting(Chunker::DEFAULT, &bench.table, &Cuts::DEFAULT);
                let mut done = 0;
                while done < bytes.len() {
                    let at = piece.at + done as u64;
                    let len = cutting.next_cut_at(at, &bytes[done..], true).unwrap();
                    let start = piece.range.start + done;
                    chunks.push(start..start + len);
                    done += len;
                }
            }
            chunks
        });
        let fresh = self.timed("id", |bench| {
            let mut fresh: Vec<Range<usize>> = Vec::new();
            for chunk in chunks {
                let bytes = &bench.buffer[chunk.clone()];
                if is_zero(bytes) || !bench.seen.insert(bench.keys.ids().chunk_id(bytes).prefix()) {
                    continue;
                }
                match fresh.last_mut() {
                    Some(last) if last.end == chunk.start => last.end = chunk.end,
                    _ => fresh.push(chunk),
                }
            }
            fresh
        });
        self.filled = 0;
        if fresh.is_empty() {
            return;
        }
        let options = BlockOptions {
            compression: match hardest {
                Effort::Least => Compression::Sampled,
                Effort::Fast => Compression::Fast,
                Effort::Moderate => Compression::Zstd(3),
                Effort::Thorough => Compression::Thorough,
            },
            verify: false,
        };
        let sealed = self.timed("zstd and seal", |bench| {
            let parts: Vec<&[u8]> = fresh
                .iter()
                .map(|range| &bench.buffer[range.clone()])
                .collect();
            let sealed = bench.keys.seal_block(BlockKind::Data, &parts, options);
            sealed.unwrap().bytes
        });
        self.timed("verify", |bench| {
            let (mut text, mut body) = (Vec::new(), Vec::new());
            let mut opened = bench
                .keys
                .open_block_within(BlockKind::Data, &sealed, &mut text, &mut body)
                .unwrap();
            for range in fresh {
                opened = opened.strip_prefix(&bench.buffer[range]).unwrap();
            }
            assert!(opened.is_empty());
        });
        self.packed += sealed.len();
        self.pack.push(sealed);
        if self.packed >= PACK {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let path = self.target.join(self.packs.to_string());
        self.timed("write", |bench| {
            let mut file = File::create(path).unwrap();
            for block in bench.pack.drain(..) {
                file.write_all(&block).unwrap();
            }
        });
        self.packed = 0;
        self.packs += 1;
    }
}
