#![no_main]

orlop_fuzz::target!("fold");
