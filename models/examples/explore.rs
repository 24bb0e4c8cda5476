//! Explores the worlds and prints what they came to: `explore [NAME] [LIMIT]`.
#![expect(clippy::print_stdout, reason = "what it is for")]

use orlop_models::explore::explore;
use orlop_models::flaws::FLAWS;
use orlop_models::worlds;

fn main() {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let limit = args.next().and_then(|limit| limit.parse().ok());
    if name == "flaws" {
        return flaws(limit.unwrap_or(500_000));
    }
    let larger = worlds::larger();
    for world in worlds::all().into_iter().chain(larger) {
        if !world.name.contains(&name) {
            continue;
        }
        let done = explore(&world, limit.unwrap_or(100_000_000));
        println!(
            "{:24} {:>9} states {:>10} steps, depth {:>3}{}",
            world.name,
            done.states,
            done.steps,
            done.depth,
            if done.complete { "" } else { ", not all" }
        );
        if let Some(wrong) = done.wrong {
            println!("{wrong}");
        }
    }
}

/// Which worlds catch which flaw.
fn flaws(limit: usize) {
    for flaw in FLAWS {
        println!("{flaw:?}");
        for world in worlds::all() {
            let done = explore(&world.without(flaw), limit);
            if let Some(wrong) = done.wrong {
                println!(
                    "  {} after {} states: {}",
                    world.name, done.states, wrong.what
                );
            }
        }
    }
}
