#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| doze_fuzz::permissions::run(data));
