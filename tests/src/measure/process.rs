//! What another process has used, from `/proc`.

use std::fs;

/// Processor time of all its threads that still run, the kernel's work for it included, in nanoseconds.
///
/// Errors: the process is gone, or the kernel keeps no such figure.
pub fn cpu_ns(process: u32) -> Result<u64, String> {
    let fault = |error| format!("process {process}: {error}");
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task")).map_err(fault)? {
        let text = fs::read_to_string(thread.map_err(fault)?.path().join("schedstat")).unwrap_or_default();
        sum += text.split_whitespace().next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
    }
    if sum == 0 { Err(format!("process {process}: no processor time is known")) } else { Ok(sum) }
}

/// A figure of `/proc/PID/status` in MiB: `VmRSS`, `VmHWM`. 0 if there is none.
pub fn memory_mib(process: u32, figure: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
    let kib: Option<f64> = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    kib.unwrap_or(0.0) / 1024.0
}
