//! The service manager: it is told when the relay is ready, alive and stopping. systemd on Linux; elsewhere nobody.

use std::time::Duration;

/// How often the service manager wants a sign of life, if it does.
pub(super) fn watchdog() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    return sd_notify::watchdog_enabled();
    #[cfg(not(target_os = "linux"))]
    None
}

/// Gives a sign of life.
pub(super) fn ping() {
    #[cfg(target_os = "linux")]
    notify(&[sd_notify::NotifyState::Watchdog]);
}

/// Kiosks can connect; `status` is shown beside the service.
pub(super) fn ready(status: &str) {
    #[cfg(target_os = "linux")]
    notify(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status(status)]);
    #[cfg(not(target_os = "linux"))]
    let _ = status;
}

/// The relay is on its way out.
pub(super) fn stopping() {
    #[cfg(target_os = "linux")]
    notify(&[sd_notify::NotifyState::Stopping]);
}

#[cfg(target_os = "linux")]
fn notify(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        log::debug!("the service manager was not told: {error}");
    }
}

/// Resolves when the relay is told to stop: SIGTERM or SIGINT, or Ctrl-C where there are no signals.
pub(super) async fn asked_to_stop() -> &'static str {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(mut terminate), Ok(mut interrupt)) => tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            },
            (Err(error), _) | (_, Err(error)) => {
                log::error!("signals cannot be received: {error}");
                std::future::pending().await
            }
        }
    }
    #[cfg(not(unix))]
    {
        if let Err(error) = tokio::signal::ctrl_c().await {
            log::error!("Ctrl-C cannot be received: {error}");
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}
