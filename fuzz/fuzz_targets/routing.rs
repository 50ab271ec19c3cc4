#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| doze_fuzz::routing::run(data));
