//! The room and its devices: what the media threads say, and what is looked at because news may get lost.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;
use vestibule_common::media::GateState as Gate;

use super::Room;
use crate::device::DeviceError;
use crate::device::reopen::DeviceState as Opening;
use crate::kiosk::{CameraState, DeviceState, GateReport, LEVELS, News};
use crate::shell::media::MediaNews;
use crate::video::kind::PictureKind;

/// How often the screen's meter follows the microphone.
const LEVEL_EVERY: Duration = Duration::from_millis(100);
/// A microphone that is open and delivers nothing for this long does not report its gate.
const GATE_SILENCE: Duration = Duration::from_secs(2);

impl Room {
    pub(super) fn handle_media(&mut self, news: MediaNews) {
        match news {
            MediaNews::Camera(kind) => self.look_at_camera(kind),
            MediaNews::Microphone => self.look_at_gate(),
            MediaNews::Speaker(state) => {
                log_device("speaker", &state);
                let state = match state {
                    Opening::Open { description } => DeviceState::Ready(description),
                    Opening::Failed(error) => DeviceState::Failed(error),
                    Opening::Closed => DeviceState::Failed(DeviceError::Missing("closed".into())),
                };
                self.tell(News::Speaker(state));
            }
            MediaNews::Voice { peer, speaking } => self.tell(News::VoiceActive { peer, speaking }),
            MediaNews::Pictures { picture, arriving } => self.tell(News::PictureState { picture, arriving }),
            MediaNews::Clock(estimate) => self.clock_estimate = Some(estimate),
        }
    }

    /// How what takes pictures of this kind stands.
    pub(super) fn look_at_camera(&mut self, kind: PictureKind) {
        let state = self.media.camera(kind);
        let known = &mut self.cameras[kind as usize];
        if state == *known {
            return;
        }
        *known = state.clone();
        let state = match state {
            Opening::Open { description } => {
                let name = match kind {
                    PictureKind::Camera => "camera",
                    PictureKind::Presentation => "presentation",
                };
                log::info!("{name}: {description}");
                CameraState::On(description)
            }
            Opening::Closed => CameraState::Off,
            Opening::Failed(error) => CameraState::Failed(error),
        };
        self.tell(match kind {
            PictureKind::Camera => News::Camera(state),
            PictureKind::Presentation => News::Presentation(state),
        });
    }

    /// What the gate says of itself, and whether it still says anything.
    pub(super) fn look_at_gate(&mut self) {
        let now = self.now();
        let periods = self.media.gate_periods();
        let microphone = self.media.microphone();
        if microphone != self.microphone {
            log_device("microphone", &microphone);
            self.microphone = microphone;
            self.gate_periods = (periods, now);
        }
        if periods != self.gate_periods.0 {
            self.gate_periods = (periods, now);
        }
        let silent = now.since(self.gate_periods.1) > GATE_SILENCE;
        let report = match (&self.microphone, self.media.gate().report()) {
            (Opening::Failed(error), _) => GateReport::Missing(error.clone()),
            (Opening::Open { .. }, _) if silent => {
                GateReport::Fault("the microphone's thread stands still".into())
            }
            (Opening::Open { .. } | Opening::Closed, Gate::Open) => GateReport::Open,
            (Opening::Open { .. } | Opening::Closed, Gate::Closed) => GateReport::Closed,
        };
        if self.gate_told.as_ref() != Some(&report) {
            self.gate_told = Some(report.clone());
            self.tell(News::MicrophoneState(report));
        }
        let own_voice = self.media.own_voice();
        if own_voice != self.own_voice {
            self.own_voice = own_voice;
            self.tell(News::OwnVoice { speaking: own_voice });
        }
        if now.since(self.own_level.1) >= LEVEL_EVERY {
            let level = (self.media.own_peak() * f32::from(LEVELS)).round() as u8;
            let changed = level != self.own_level.0;
            self.own_level = (level, now);
            if changed {
                self.tell(News::OwnLevel(level));
            }
        }
        let stats = self.media.stats();
        let lost = [stats.microphone_xruns.total(), stats.speaker_xruns.total()];
        for (log, total) in self.xruns.iter_mut().zip(lost) {
            if let Some(line) = log.look(total, now) {
                log::info!("{line}");
            }
        }
    }

    /// Records the room's sound, and says so on the screen while it does.
    pub(super) fn record(&mut self, length: Duration, reply: oneshot::Sender<Result<String, String>>) {
        if self.recording {
            let why = "the room's sound is being recorded already: try again when that has ended";
            return drop(reply.send(Err(why.into())));
        }
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path = self.around.recordings.join(format!("sound-{}.wav", unix.as_millis()));
        let recorded = self.recorded.clone();
        // Whoever asked may be gone when it ends, and so may the room.
        let (answer, asked) = oneshot::channel();
        let done = move |outcome| {
            if recorded.blocking_send(()).is_err() {
                log::debug!("the room has ended before its recording");
            }
            drop(answer.send(outcome));
        };
        log::info!("the caretaker has the room's sound recorded: {}", path.display());
        match self.media.record(path, length, done) {
            Ok(()) => {
                self.recording(true);
                tokio::spawn(async move {
                    let outcome = asked.await.unwrap_or_else(|_| Err("the recording was broken off".into()));
                    drop(reply.send(outcome));
                });
            }
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    /// It has begun, or ended.
    pub(super) fn recording(&mut self, on: bool) {
        self.recording = on;
        self.tell(News::Recording(on));
    }
}

fn log_device(what: &str, state: &Opening) {
    match state {
        Opening::Open { description } => log::info!("{what}: {description}"),
        Opening::Closed => log::info!("{what}: closed"),
        Opening::Failed(error) => log::warn!("{what}: {error}"),
    }
}
