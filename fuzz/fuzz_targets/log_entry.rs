#![no_main]

orlop_fuzz::target!("log_entry");
