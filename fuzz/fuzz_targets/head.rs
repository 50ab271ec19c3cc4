#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| doze_fuzz::head::run(data));
