#![no_main]

orlop_fuzz::target!("index_cache");
