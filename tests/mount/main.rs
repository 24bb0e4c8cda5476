//! Mounted snapshots, read through the kernel.
//!
//! Where this machine cannot mount, all of them count as ignored, and it is said why: a test of a
//! mount that does not mount anything is none.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::panic,
    reason = "tests"
)]

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "../cli/bench.rs"]
mod bench;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "../support/mod.rs"]
mod support;

mod contents;
mod damage;
mod folders;
mod lifetime;
mod mounted;
mod moved;
mod requests;
mod several;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let tests: &[(&str, fn())] = &[
        (
            "everything_that_a_folder_can_hold_looks_as_it_was",
            contents::everything_looks_as_it_was,
        ),
        (
            "any_bytes_of_a_file_can_be_read_and_mapped",
            contents::any_bytes_can_be_read_and_mapped,
        ),
        (
            "a_file_is_read_by_many_at_once",
            contents::a_file_is_read_by_many_at_once,
        ),
        (
            "a_folder_of_a_hundred_thousand_names_is_read_from_any_place",
            folders::a_large_folder_is_read_from_any_place,
        ),
        (
            "names_that_are_no_text_are_found",
            folders::names_that_are_no_text_are_found,
        ),
        (
            "a_folder_of_a_snapshot_is_mounted_and_a_file_is_not",
            folders::a_folder_is_mounted_and_a_file_is_not,
        ),
        (
            "what_the_kernel_remembers_is_bounded",
            folders::what_the_kernel_remembers_is_bounded,
        ),
        (
            "damage_costs_the_file_that_needs_it_and_is_named",
            damage::of_data,
        ),
        (
            "a_damaged_page_ends_its_folder_with_an_error",
            damage::of_a_page,
        ),
        (
            "all_snapshots_are_there_and_new_ones_appear",
            several::all_are_there_and_new_ones_appear,
        ),
        (
            "a_volume_narrows_what_is_shown",
            several::a_volume_narrows_what_is_shown,
        ),
        (
            "packs_that_are_moved_are_found",
            moved::packs_that_are_moved_are_found,
        ),
        (
            "a_snapshot_that_was_forgotten_is_named",
            moved::a_forgotten_snapshot_is_named,
        ),
        (
            "it_is_unmounted_by_others_and_announces_what_it_reads",
            lifetime::unmounted_by_others,
        ),
        (
            "a_signal_unmounts_and_waits_for_who_has_a_file_open",
            lifetime::a_signal_waits_for_open_files,
        ),
        (
            "a_mount_gives_signs_of_life",
            lifetime::a_mount_gives_signs_of_life,
        ),
        (
            "others_look_only_if_they_are_let",
            lifetime::others_look_only_if_they_are_let,
        ),
        (
            "a_folder_that_is_not_there_is_refused",
            lifetime::a_missing_folder_is_refused,
        ),
        (
            "the_first_byte_takes_a_handful_of_requests",
            requests::the_first_byte_takes_a_handful,
        ),
    ];
    let mut arguments = Arguments::from_args();
    let cannot = mounted::cannot_mount();
    if let Some(why) = &cannot {
        eprintln!(
            "\nSKIPPED: {} tests of `orlop mount`, none of which can run here: {why}\n",
            tests.len()
        );
        // Asked for by name or not, they cannot run.
        arguments.ignored = false;
        arguments.include_ignored = false;
    }
    let trials = tests.iter().map(|&(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
        .with_ignored_flag(cannot.is_some())
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}
