#![no_main]

orlop_fuzz::target!("pack_built");
