#![no_main]

orlop_fuzz::target!("slot_wrapped");
