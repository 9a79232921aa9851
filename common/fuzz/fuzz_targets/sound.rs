//! Target `sound`: see `vestibule_tests::fuzz::targets`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vestibule_tests::fuzz::targets::sound(data);
});
