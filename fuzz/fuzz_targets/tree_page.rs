#![no_main]

orlop_fuzz::target!("tree_page");
