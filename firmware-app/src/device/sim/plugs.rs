//! The plugs of the simulated cameras, microphone and speaker: pulled, or taken by another program, while the kiosk runs.
//! What a person does to real devices happens to simulated ones only by these.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use vestibule_common::media::AudioBlock;
use vestibule_common::time::Time;

use crate::device::reopen::{Opened, Source};
use crate::device::{Camera, CameraFormat, CameraFrame, DeviceError, Microphone, PERIOD, Speaker};

/// Where a simulated device is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Plug {
    /// Where it belongs.
    In,
    /// Pulled.
    Out,
    /// In, and another program has it.
    Taken,
}

/// A device that has a plug.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Plugged {
    /// The camera.
    Camera,
    /// The microphone.
    Microphone,
    /// The speaker.
    Speaker,
    /// What shows a laptop's screen.
    Presentation,
}

/// The four plugs. Clones are the same plugs.
#[derive(Clone, Default)]
pub struct Plugs([Arc<AtomicU8>; 4]);

impl Plugs {
    /// Pulls, takes or puts back one device.
    pub fn set(&self, device: Plugged, plug: Plug) {
        self.0[device as usize].store(plug as u8, Ordering::Relaxed);
    }

    /// Lets `source` open only what is plugged in, and what it opened fail when it is not any more.
    pub(in crate::device) fn guard<D: ?Sized + 'static>(
        &self,
        device: Plugged,
        mut source: Source<D>,
    ) -> Source<D>
    where
        Guarded<D>: Into<Box<D>>,
    {
        let state = self.0[device as usize].clone();
        Source::new(move || {
            let plug = Guard { device, state: state.clone() };
            plug.check(false)?;
            let Opened { device, description } = source.open()?;
            Ok(Opened { device: Guarded { device, plug }.into(), description })
        })
    }
}

struct Guard {
    device: Plugged,
    state: Arc<AtomicU8>,
}

impl Guard {
    fn check(&self, open: bool) -> Result<(), DeviceError> {
        let state = self.state.load(Ordering::Relaxed);
        let what = format!("the simulated {}", self.device);
        if state == Plug::In as u8 {
            Ok(())
        } else if state == Plug::Taken as u8 {
            Err(DeviceError::Busy(what))
        } else if open {
            Err(DeviceError::Lost(what))
        } else {
            Err(DeviceError::Missing(what))
        }
    }
}

/// A device that fails as soon as its plug is not in.
pub(in crate::device) struct Guarded<D: ?Sized> {
    device: Box<D>,
    plug: Guard,
}

impl Camera for Guarded<dyn Camera> {
    fn format(&self) -> CameraFormat {
        self.device.format()
    }

    fn next_frame(&mut self) -> Result<CameraFrame<'_>, DeviceError> {
        self.plug.check(true)?;
        self.device.next_frame()
    }
}

impl Microphone for Guarded<dyn Microphone> {
    fn read(&mut self, period: &mut [i16; PERIOD]) -> Result<Time, DeviceError> {
        self.plug.check(true)?;
        self.device.read(period)
    }

    fn xruns(&self) -> u64 {
        self.device.xruns()
    }
}

impl Speaker for Guarded<dyn Speaker> {
    fn ready(&mut self) -> Result<(), DeviceError> {
        self.plug.check(true)?;
        self.device.ready()
    }

    fn write(&mut self, block: &AudioBlock) -> Result<Time, DeviceError> {
        self.plug.check(true)?;
        self.device.write(block)
    }

    fn xruns(&self) -> u64 {
        self.device.xruns()
    }
}

impl From<Guarded<dyn Camera>> for Box<dyn Camera> {
    fn from(device: Guarded<dyn Camera>) -> Self {
        Box::new(device)
    }
}

impl From<Guarded<dyn Microphone>> for Box<dyn Microphone> {
    fn from(device: Guarded<dyn Microphone>) -> Self {
        Box::new(device)
    }
}

impl From<Guarded<dyn Speaker>> for Box<dyn Speaker> {
    fn from(device: Guarded<dyn Speaker>) -> Self {
        Box::new(device)
    }
}

impl fmt::Display for Plugged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Plugged::Camera => "camera",
            Plugged::Microphone => "microphone",
            Plugged::Speaker => "speaker",
            Plugged::Presentation => "presentation",
        })
    }
}

/// A text that names no device with a plug.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct NoPlug;

impl FromStr for Plugged {
    type Err = NoPlug;

    fn from_str(text: &str) -> Result<Plugged, NoPlug> {
        let all = [Plugged::Camera, Plugged::Microphone, Plugged::Speaker, Plugged::Presentation];
        all.into_iter().find(|device| device.to_string() == text).ok_or(NoPlug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::clock::Clock;
    use crate::device::config::SimSound;
    use crate::device::sim::microphone::SimMicrophone;

    #[test]
    fn a_device_works_while_its_plug_is_in() {
        let clock = Clock::start();
        let plugs = Plugs::default();
        let source = Source::<dyn Microphone>::new(move || {
            let device = Box::new(SimMicrophone::sound(SimSound::Silence, "Boardroom", clock));
            Ok(Opened { device, description: String::new() })
        });
        let mut source = plugs.guard(Plugged::Microphone, source);
        let mut opened = source.open().map_err(|error| error.to_string()).unwrap();
        assert!(opened.device.read(&mut [0; PERIOD]).is_ok());
        plugs.set(Plugged::Camera, Plug::Out);
        assert!(opened.device.read(&mut [0; PERIOD]).is_ok(), "another's plug");
        plugs.set("microphone".parse().unwrap(), Plug::Out);
        assert!(matches!(opened.device.read(&mut [0; PERIOD]), Err(DeviceError::Lost(_))));
        assert!(matches!(source.open(), Err(DeviceError::Missing(_))));
        plugs.set(Plugged::Microphone, Plug::Taken);
        assert!(matches!(source.open(), Err(DeviceError::Busy(_))));
        plugs.set(Plugged::Microphone, Plug::In);
        assert!(source.open().is_ok());
        assert_eq!("lamp".parse::<Plugged>(), Err(NoPlug));
    }
}
