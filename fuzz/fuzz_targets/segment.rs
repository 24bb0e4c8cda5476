#![no_main]

orlop_fuzz::target!("segment");
