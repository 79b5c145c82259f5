#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| samewire_fuzz::targets::event_stream(data));
